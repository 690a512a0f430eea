"""A worker that is stopped and started, as for an upgrade, hands its steps over and back."""

from aiohttp import web

from tests.fakes_observe import HookReceiver
from tests.integration.chaos.parts import Parts, asked, assert_no_tick_was_repeated, load_hook
from tests.integration.manifests import a_canary, a_shop
from tests.integration.scene import Scene
from worker.stack.stack import WORKER
from workflows.model.requests import Outcome


async def test_the_next_worker_goes_on_at_the_next_tick_and_finds_no_fault_of_its_own(
    scene: Scene, receiver: HookReceiver, parts: Parts
) -> None:
    """It has seen no traffic yet when the tick that nobody ran is due."""
    hook = load_hook(receiver, web.Response(status=500))
    analysis = {"threshold": 10_000, "stepWeights": [50], "webhooks": [hook]}
    await scene.begin(a_canary(scene.name, analysis=analysis), a_shop(scene.name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(scene.name, "v2"))
        await asked(receiver, "/load")
        await parts.take_away(WORKER)
        await parts.made_whole()
        await scene.ends(Outcome.PROMOTED)
        assert (await scene.status()).failed_checks == 1
        await scene.assert_restored("v2")
    assert_no_tick_was_repeated(receiver.keys("/load"))
