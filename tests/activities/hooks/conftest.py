"""Fixtures for hooks: a receiver, and a caller that writes its pauses down and does not wait."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import httpx
import pytest

from activities.hooking.caller import HookCaller
from tests.fakes_observe import HookReceiver, hook_receiver


@dataclass
class Impatient:
    """A caller and the pauses it would have made."""

    caller: HookCaller
    pauses: list[float] = field(default_factory=list[float])


@pytest.fixture
async def receiver() -> AsyncGenerator[HookReceiver]:
    async with hook_receiver() as receiver:
        yield receiver


@pytest.fixture
async def impatient() -> AsyncGenerator[Impatient]:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async with httpx.AsyncClient() as http:
        yield Impatient(HookCaller(http, http, pause=pause), pauses)
