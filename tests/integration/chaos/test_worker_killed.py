"""SIGKILL for the worker while it is in every phase: rollouts end as if nothing had happened.

One kill hits six targets at once, each held in a phase of its own.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

import httpx
import pytest
from aiohttp import web

from activities.local.state import Copies
from tests.fakes_observe import HookReceiver, hook_receiver
from tests.integration.chaos.parts import (
    Parts,
    asked,
    assert_no_tick_was_repeated,
    load_hook,
    refusals,
)
from tests.integration.conftest import NewScene
from tests.integration.manifests import a_canary, a_hook, a_policy, a_shop
from tests.integration.patience import eventually, together
from tests.integration.scene import Scene
from worker.stack.stack import WORKER
from workflows.errors import Reason
from workflows.model.requests import Outcome
from workflows.model.status import Verb

PHASES = 6
NOT_READY = {"NOT_READY": "true"}


@dataclass
class Kill:
    """The one kill: it comes once every phase has been reached, and is over when all is back."""

    parts: Parts
    reached: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(PHASES))
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def survive(self) -> None:
        await self.reached.wait()
        await self.over.wait()

    async def now(self) -> None:
        await self.parts.kill(WORKER)
        await self.parts.made_whole()
        self.over.set()


@dataclass
class Play:
    """One target, the receiver of its hooks, and the kill that it shares."""

    scene: Scene
    hooks: HookReceiver
    kill: Kill

    async def begin(self, *webhooks: object) -> None:
        name = self.scene.name
        canary = a_canary(name, analysis={"threshold": 10_000, "webhooks": webhooks})
        await self.scene.begin(canary, a_shop(name, "v1"))

    async def release(self, faults: dict[str, str] | None = None) -> None:
        await self.scene.apply(a_shop(self.scene.name, "v2", faults))

    async def turn_ready(self, copies: Copies | None) -> None:
        """For a shop with NOT_READY: processes that listen are told, others waited for."""
        assert copies is not None
        for port in copies.ports:
            await eventually(partial(self._told, port), f"{port} listens")

    async def _told(self, port: int) -> bool:
        with contextlib.suppress(httpx.ConnectError):
            url = f"http://127.0.0.1:{port}/fault"
            return (await self.scene.on.http.post(url, json={"notReady": 0})).is_success
        return False


@pytest.fixture
async def new_play(new_scene: NewScene, parts: Parts) -> AsyncGenerator[Callable[[], Play]]:
    kill = Kill(parts)
    async with AsyncExitStack() as stack:
        receivers = [await stack.enter_async_context(hook_receiver()) for _ in range(PHASES)]
        yield lambda: Play(new_scene(), receivers.pop(), kill)


async def test_a_worker_killed_in_every_phase_is_not_noticed(
    new_play: Callable[[], Play],
) -> None:
    await together(
        killed_while_the_canary_starts(new_play()),
        killed_at_a_weight(new_play()),
        killed_at_a_gate(new_play()),
        killed_in_the_promotion(new_play()),
        killed_while_an_undo_hook_is_called(new_play()),
        killed_while_the_canary_is_stopped(new_play()),
    )


async def killed_while_the_canary_starts(play: Play) -> None:
    scene, hooks = play.scene, play.hooks
    await play.begin(load_hook(hooks))
    async with scene.users():
        await play.release(NOT_READY)
        await eventually(lambda: has_canary(scene), "a canary is started")
        canary = (await scene.state()).canary
        await play.kill.survive()
        assert (await scene.state()).canary == canary
        await play.turn_ready(canary)
        await eventually(lambda: has_incoming(scene), "a new primary is started")
        await play.turn_ready((await scene.state()).incoming)
        await scene.ends(Outcome.PROMOTED)
        await scene.assert_restored("v2")
    assert_no_tick_was_repeated(hooks.keys("/load"))


async def killed_at_a_weight(play: Play) -> None:
    """The first tick fails and is over, the second is in flight."""
    scene, hooks, answered = play.scene, play.hooks, asyncio.Event()
    await play.begin(load_hook(hooks, web.Response(status=500), answered))
    async with scene.users():
        await play.release()
        await asked(hooks, "/load", times=2)
        _, in_flight = hooks.keys("/load")
        await play.kill.survive()
        await scene.ends(Outcome.PROMOTED)
        answered.set()
        assert (await scene.status()).failed_checks == 1
        await scene.assert_restored("v2")
    assert hooks.keys("/load").count(in_flight) == 2
    assert_no_tick_was_repeated(hooks.keys("/load"), but=in_flight)


async def killed_at_a_gate(play: Play) -> None:
    """Half-way: the gate was closed at its first tick, the second is in flight."""
    scene, hooks, answered = play.scene, play.hooks, asyncio.Event()
    answers = (web.Response(), web.Response(status=403), answered)
    url = hooks.at("/gate", *answers)
    gate = a_hook("ask", "confirm-traffic-increase", url, timeout="60s")
    await play.begin(gate, load_hook(hooks))
    async with scene.users():
        await play.release()
        await asked(hooks, "/gate", times=3)
        in_flight = hooks.keys("/gate")[-1]
        await play.kill.survive()
        await scene.ends(Outcome.PROMOTED)
        answered.set()
        await scene.assert_restored("v2")
    assert hooks.keys("/gate").count(in_flight) == 2
    assert_no_tick_was_repeated(hooks.keys("/gate"), but=in_flight)


async def killed_in_the_promotion(play: Play) -> None:
    """The new primary is up and not ready yet."""
    scene, hooks = play.scene, play.hooks
    gate = a_hook("ask", "confirm-promotion", hooks.at("/promotion", *refusals()))
    await play.begin(gate, load_hook(hooks))
    async with scene.users():
        await play.release(NOT_READY)
        await eventually(lambda: has_canary(scene), "a canary is started")
        await play.turn_ready((await scene.state()).canary)
        await scene.waits_at("confirm-promotion")
        await scene.answer(Verb.APPROVE)
        await eventually(lambda: has_incoming(scene), "a new primary is started")
        incoming = (await scene.state()).incoming
        await play.kill.survive()
        assert (await scene.state()).incoming == incoming
        await play.turn_ready(incoming)
        await scene.ends(Outcome.PROMOTED)
        await scene.assert_restored("v2")
    assert_no_tick_was_repeated(hooks.keys("/load"))


async def killed_while_an_undo_hook_is_called(play: Play) -> None:
    scene, hooks, answered = play.scene, play.hooks, asyncio.Event()
    undo = {"name": "flags", "after": "weight-20", "url": hooks.at("/undo", answered)}
    await scene.apply(a_policy(scene.name, undo=[undo]))
    await play.begin(load_hook(hooks, *refusals()))
    async with scene.users():
        await play.release()
        await asked(hooks, "/load")
        await scene.tell(Verb.ABORT)
        await asked(hooks, "/undo")
        await play.kill.survive()
        await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
        answered.set()
        await scene.assert_restored("v1")
    assert len(hooks.keys("/undo")) == 2
    assert len(set(hooks.keys("/undo"))) == 1
    assert_no_tick_was_repeated(hooks.keys("/load"))


async def killed_while_the_canary_is_stopped(play: Play) -> None:
    """It takes the canary seconds to answer those who are with it; that is when the kill comes."""
    scene, hooks = play.scene, play.hooks
    await play.begin(load_hook(hooks, *refusals()))
    async with scene.users():
        await play.release()
        await asked(hooks, "/load")
        await scene.break_canary(latencyMs=5_000)
        await play.kill.reached.wait()
        await scene.tell(Verb.ABORT)
        await eventually(lambda: is_retiring(scene), "the canary has to go")
        await play.kill.now()
        await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
        await scene.assert_restored("v1")
    assert_no_tick_was_repeated(hooks.keys("/load"))


async def has_canary(scene: Scene) -> bool:
    return (await scene.state()).canary is not None


async def has_incoming(scene: Scene) -> bool:
    return (await scene.state()).incoming is not None


async def is_retiring(scene: Scene) -> bool:
    return bool((await scene.state()).retired)
