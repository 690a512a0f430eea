"""A terminated rollout runs no code any more: the janitor restores what it left behind."""

from tests.fakes_observe import HookReceiver
from tests.integration.chaos.parts import Parts, Weights, asked, load_hook, refusals
from tests.integration.manifests import a_canary, a_policy, a_shop
from tests.integration.scene import Scene
from workflows.errors import Reason
from workflows.model.requests import Outcome
from workflows.model.status import Verb


async def test_the_janitor_gives_back_what_a_terminated_rollout_left(
    scene: Scene, receiver: HookReceiver, parts: Parts
) -> None:
    name = scene.name
    undo = {"name": "flags", "after": "weight-20", "url": receiver.at("/undo")}
    analysis = {"threshold": 10_000, "webhooks": [load_hook(receiver, *refusals())]}
    await scene.apply(a_policy(name, undo=[undo]))
    await scene.begin(a_canary(name, analysis=analysis), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await asked(receiver, "/load")
        rollout = scene.on.client.get_workflow_handle(scene.slot.workflow_id)
        await rollout.terminate("by mistake")
        assert await Weights(scene).look() == 20
        await parts.clean_up(scene)
        past = (await scene.state()).history[-1]
        assert (past.outcome, past.reason) == (Outcome.ROLLED_BACK, Reason.TERMINATED)
        assert len(receiver.keys("/undo")) == 1
        await scene.assert_restored("v1")
        receiver.answers["/load"].clear()
        await scene.apply(a_shop(name, "v3"))
        await scene.ends(Outcome.PROMOTED)
        await scene.assert_restored("v3")


async def test_a_terminated_rollout_that_was_paused_still_owes_its_undo_hooks(
    scene: Scene, receiver: HookReceiver, parts: Parts
) -> None:
    name = scene.name
    undo = [
        {"name": "before", "after": "start", "url": receiver.at("/before")},
        {"name": "flags", "after": "weight-20", "url": receiver.at("/flags")},
        {"name": "later", "after": "weight-60", "url": receiver.at("/later")},
    ]
    analysis: dict[str, object] = {"interval": "1s", "stepWeights": [20, 60]}
    await scene.apply(a_policy(name, undo=undo))
    await scene.begin(a_canary(name, analysis=analysis), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await scene.at("weight-20")
        await scene.tell(Verb.PAUSE)
        await scene.until(lambda seen: seen.steps[seen.position].name == "weight-60")
        rollout = scene.on.client.get_workflow_handle(scene.slot.workflow_id)
        await rollout.terminate("by mistake")
        await parts.clean_up(scene)
        assert [request.path for request in receiver.received] == ["/flags", "/before"]
        await scene.assert_restored("v1")
