"""What an observation needs of a platform; the worker hands in what fits."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from activities.hooking.caller import Envelope
from workflows.model.hook import Hook, HookAnswer
from workflows.model.identity import Slot
from workflows.model.live import Look
from workflows.model.measurement import Measurement
from workflows.model.plan import Check, Traffic
from workflows.model.requests import EnsureRoutes, RoutesEnsured


class RoutesKeeper(Protocol):
    """Writes routes."""

    async def ensure(self, request: EnsureRoutes) -> RoutesEnsured:
        """Desired state; `Fenced` (final) when a newer write came first."""
        ...


class Checks(Protocol):
    """Measures."""

    async def measure(self, check: Check, traffic: Traffic, slot: Slot) -> Measurement:
        """Trouble with a provider is a measurement; an error fails the attempt."""
        ...


class Hooks(Protocol):
    """Calls webhooks."""

    async def call(self, hook: Hook, envelope: Envelope, key: str) -> HookAnswer:
        """Trouble with a receiver is an answer."""
        ...


class Feed(Protocol):
    """Live counters of one target, as long as it is followed."""

    @property
    def history(self) -> Sequence[Look]:
        """What was seen in the two minutes before following began, as far as anybody looked."""
        ...

    @property
    def blind(self) -> str | None:
        """Why no requests are counted; None while they are."""
        ...

    def looks(self) -> AsyncIterator[Look]:
        """A look every half second, without end; none while the router cannot be reached."""
        ...


class LiveCounters(Protocol):
    """Where live counters come from."""

    def follow(self, slot: Slot, traffic: Traffic) -> AbstractAsyncContextManager[Feed]:
        """Keep counting while the block lasts; built-in checks read the same counters."""
        ...
