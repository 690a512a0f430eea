"""The Temporal server killed and away in the middle of a step: users stay where they are."""

from tests.fakes_observe import HookReceiver
from tests.integration.chaos.parts import (
    Parts,
    asked,
    assert_no_tick_was_repeated,
    load_hook,
    refusals,
    watched,
)
from tests.integration.manifests import a_canary, a_shop
from tests.integration.scene import Scene
from worker.stack.stack import TEMPORAL
from workflows.model.requests import Outcome


async def test_a_rollout_goes_on_where_it_was_when_temporal_comes_back_from_its_file(
    scene: Scene, receiver: HookReceiver, parts: Parts
) -> None:
    """Its step is held by a hook that fails, tick after tick."""
    hook = load_hook(receiver, *refusals())
    analysis = {"threshold": 10_000, "webhooks": [hook]}
    await scene.begin(a_canary(scene.name, analysis=analysis), a_shop(scene.name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(scene.name, "v2"))
        await asked(receiver, "/load", times=2)
        async with watched(scene) as weights:
            await parts.kill(TEMPORAL)
            await parts.made_whole()
            await scene.at("weight-20")
            await parts.take_away(TEMPORAL)
            now = len(receiver.keys("/load"))
            await asked(receiver, "/load", times=now + 3)
            # This tick passes, so the step ends while nobody can be told.
            receiver.answers["/load"].clear()
            await asked(receiver, "/load", times=len(receiver.keys("/load")) + 1)
            assert weights.seen == [20]
            assert await scene.versions(number=60) == {"v1", "v2"}
            await parts.made_whole()
        await scene.ends(Outcome.PROMOTED)
        await scene.assert_restored("v2")
    last = [key for key in receiver.keys("/load") if "weight-20" in key][-1]
    assert_no_tick_was_repeated(receiver.keys("/load"), but=last)
