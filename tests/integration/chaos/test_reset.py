"""`serinus reset` overtakes whatever else there is: nothing that wakes up later undoes it."""

import asyncio

from aiohttp import web

from tests.fakes_observe import HookReceiver
from tests.integration.chaos.parts import Parts, Weights, asked, load_hook, refusals, watched
from tests.integration.manifests import a_canary, a_shop
from tests.integration.scene import Scene
from worker.stack.stack import TEMPORAL, WORKER
from workflows.errors import Reason
from workflows.model.requests import Outcome


async def begin(scene: Scene, hook: dict[str, object]) -> None:
    analysis = {"threshold": 10_000, "webhooks": [hook]}
    await scene.begin(a_canary(scene.name, analysis=analysis), a_shop(scene.name, "v1"))


async def test_reset_needs_neither_temporal_nor_worker_and_is_not_undone_by_them(
    scene: Scene, receiver: HookReceiver, parts: Parts
) -> None:
    await begin(scene, load_hook(receiver, *refusals()))
    async with scene.users():
        await scene.apply(a_shop(scene.name, "v2"))
        await asked(receiver, "/load")
        await parts.take_away(TEMPORAL, WORKER)
        assert await Weights(scene).look() == 20
        code, printed = await parts.serinus("reset", scene.name)
        assert code == 0, printed
        assert f"{scene.slot.key}: all traffic goes to the primary" in printed
        assert await asyncio.to_thread(scene.processes) == await primary_ports(scene)
        async with watched(scene) as weights:
            await parts.made_whole()
            await scene.ends(Outcome.ROLLED_BACK, Reason.FENCED)
            await parts.clean_up(scene)
        assert weights.seen == [0]
        await scene.assert_restored("v1")


async def test_the_late_write_of_a_worker_that_was_frozen_is_refused(
    scene: Scene, receiver: HookReceiver, parts: Parts
) -> None:
    """It sleeps in the middle of a tick and goes on as if it were still in charge."""
    answered = asyncio.Event()
    await begin(scene, load_hook(receiver, answered, web.Response(status=500), *refusals()))
    async with scene.users():
        await scene.apply(a_shop(scene.name, "v2"))
        await asked(receiver, "/load")
        async with parts.frozen(WORKER):
            code, printed = await parts.serinus("reset", scene.name)
            assert code == 0, printed
        async with watched(scene) as weights:
            answered.set()
            await scene.ends(Outcome.ROLLED_BACK, Reason.FENCED)
            await parts.clean_up(scene)
        assert weights.seen == [0]
        assert len(receiver.keys("/load")) == 1
        await scene.assert_restored("v1")


async def primary_ports(scene: Scene) -> list[int]:
    primary = (await scene.state()).primary
    assert primary is not None
    return list(primary.ports)
