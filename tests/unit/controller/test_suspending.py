"""A manifest that is suspended in the middle of a rollout, and that is not any more."""

from tests.fakes_kube import InMemoryKube
from tests.unit.controller.scenes import Json, a_canary, a_deployment, canary_ref
from tests.unit.controller.test_controller import Rollouts, controlled, settled
from worker.controller.suspending import SUSPENDED
from worker.rollouts import NoRollout, RolloutRefused
from workflows.model.status import Verb

RUNNING: Json = {"phase": "Progressing", "lastAppliedSpec": "s1-1", "lastPromotedSpec": "s1-0"}
NOTED: Json = {"annotations": {SUSPENDED: "true"}}


async def orders_for(
    canary: Json, refusal: Exception | None = None
) -> tuple[list[Verb], str | None]:
    """What was ordered, and whether the Canary then says that it was the manifest."""
    kube = InMemoryKube(canary, a_deployment())
    rollouts = Rollouts(kube, refusal=refusal)
    async with controlled(rollouts) as controller:
        await settled(controller)
        metadata = kube.get(canary_ref())["metadata"]
    assert isinstance(metadata, dict)
    annotations = metadata.get("annotations") or {}
    assert isinstance(annotations, dict)
    noted = annotations.get(SUSPENDED)
    return rollouts.orders, noted if isinstance(noted, str) else None


async def test_a_running_rollout_is_paused_once_and_the_canary_says_by_whom() -> None:
    assert await orders_for(a_canary(status=RUNNING, suspend=True)) == ([Verb.PAUSE], "true")


async def test_it_goes_on_when_the_manifest_is_suspended_no_more() -> None:
    resumed = await orders_for(a_canary(status=RUNNING, metadata=NOTED))
    assert resumed == ([Verb.RESUME], None)


async def test_a_pause_by_a_person_is_theirs_to_end() -> None:
    assert await orders_for(a_canary(status=RUNNING)) == ([], None)


async def test_a_rollout_that_ended_meanwhile_needs_no_resuming() -> None:
    over = a_canary(status=RUNNING, metadata=NOTED)
    assert await orders_for(over, NoRollout("none")) == ([Verb.RESUME], None)


async def test_a_pause_that_is_refused_is_not_said_to_hold() -> None:
    early = a_canary(status=RUNNING, suspend=True)
    assert await orders_for(early, RolloutRefused("initialising")) == ([Verb.PAUSE], None)


async def test_nothing_is_paused_at_rest_or_from_the_promotion_on() -> None:
    for phase in ("Succeeded", "Failed", "Promoting", "Finalising"):
        status: Json = {**RUNNING, "phase": phase}
        assert await orders_for(a_canary(status=status, suspend=True)) == ([], None)
