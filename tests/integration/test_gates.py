"""Gates: opened by a hook or by a person, whichever comes first; refused by a person."""

import pytest
from aiohttp import web

from tests.fakes_observe import HookReceiver
from tests.integration.conftest import NewScene
from tests.integration.manifests import a_canary, a_hook, a_shop
from tests.integration.patience import eventually, together
from tests.integration.scene import Scene
from worker import rollouts
from workflows.errors import Reason
from workflows.model.requests import Outcome
from workflows.model.status import Phase, Verb

GATES = ("confirm-rollout", "confirm-traffic-increase", "confirm-promotion")
WAITING = (
    "confirm-rollout",
    "traffic-20",
    "traffic-60",
    "traffic-promotion",
    "confirm-promotion",
)
"""The steps at which a plan of two weights waits."""


def gated(scene: Scene) -> dict[str, object]:
    """Every kind of gate, asked at the load tester."""
    check = f"{scene.on.ports.loadtester_url}/gate/check"
    return {"webhooks": [a_hook(f"ask {kind}", kind, check) for kind in GATES]}


async def test_a_hook_opens_every_gate_until_it_is_closed_again(scene: Scene) -> None:
    name = scene.name
    await scene.begin(a_canary(name, analysis=gated(scene)), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        status = await scene.waits_at("confirm-rollout")
        assert (status.phase, status.routes.canary) == (Phase.WAITING, 0)
        await scene.turn_gate("open")
        await scene.ends(Outcome.PROMOTED)
        await scene.turn_gate("close")
        await scene.apply(a_shop(name, "v3"))
        await scene.waits_at("confirm-rollout")
        assert await scene.versions() == {"v2"}
        await scene.answer(Verb.REJECT)
        await scene.ends(Outcome.ROLLED_BACK, Reason.REJECTED)
        await scene.assert_restored("v2")


async def test_a_person_opens_each_gate_and_a_late_answer_counts_for_no_other(
    scene: Scene,
) -> None:
    name = scene.name
    await scene.begin(a_canary(name, analysis=gated(scene)), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        for step, other in zip(WAITING, WAITING[1:] + WAITING[:1], strict=True):
            await scene.waits_at(step)
            await refused(scene, Verb.APPROVE, other, f"'{other}' is not waiting; now: {step}")
            status = await scene.answer(Verb.APPROVE, step)
            assert status.entries[-1].actor == "ana"
        await scene.ends(Outcome.PROMOTED)
        await scene.assert_restored("v2")


async def test_a_rejected_gate_takes_the_release_back(new_scene: NewScene) -> None:
    async def play(scene: Scene, step: str) -> None:
        name = scene.name
        await scene.begin(a_canary(name, analysis=gated(scene)), a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2"))
            for before in WAITING[: WAITING.index(step)]:
                await scene.waits_at(before)
                await scene.answer(Verb.APPROVE, before)
            await scene.waits_at(step)
            await scene.answer(Verb.REJECT, step)
            await scene.ends(Outcome.ROLLED_BACK, Reason.REJECTED)
            await scene.assert_restored("v1")

    await together(*(play(new_scene(), step) for step in WAITING))


async def test_a_bad_canary_is_taken_back_while_a_gate_waits(scene: Scene) -> None:
    name = scene.name
    await scene.begin(a_canary(name, analysis=gated(scene)), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        for step in WAITING[:-1]:
            await scene.waits_at(step)
            await scene.answer(Verb.APPROVE, step)
        await scene.waits_at("confirm-promotion")
        await scene.break_canary(errorRate=0.5)
        result = await scene.result()
        assert result.outcome is Outcome.ROLLED_BACK
        assert result.reason in {Reason.GUARD_ERRORS, Reason.FAILED_CHECKS}
        await scene.assert_restored("v1", allowed={"500"})


async def test_a_closed_gate_is_asked_again_and_again_and_costs_no_history(
    scene: Scene, receiver: HookReceiver
) -> None:
    name = scene.name
    closed = receiver.at("/gate", *(web.Response(status=403) for _ in range(1_000)))
    hook = a_hook("ask", "confirm-rollout", closed)
    await scene.begin(a_canary(name, analysis={"webhooks": [hook]}), a_shop(name, "v1"))
    await scene.apply(a_shop(name, "v2"))
    await scene.waits_at("confirm-rollout")
    handle = scene.on.client.get_workflow_handle(scene.slot.workflow_id)
    before = (await handle.describe()).history_length

    async def asked_again() -> bool:
        return len(receiver.keys("/gate")) >= 4

    await eventually(asked_again, "the gate is asked four times")
    assert (await handle.describe()).history_length == before
    keys = receiver.keys("/gate")
    assert len(set(keys)) == len(keys)
    receiver.answers["/gate"].clear()
    await scene.until(lambda status: status.waiting is None)
    await scene.tell(Verb.ABORT)
    await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)


async def refused(scene: Scene, verb: Verb, step: str, words: str) -> None:
    """A person who answers for another gate is told which one waits."""
    with pytest.raises(rollouts.RolloutRefused) as caught:
        await scene.answer(verb, step)
    assert str(caught.value).endswith(words)
