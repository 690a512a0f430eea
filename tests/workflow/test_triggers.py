"""Triggers while a rollout runs: the same revision, a newer one, the promoted one."""

import pytest
from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from tests.builders import a_plan
from tests.workflow.conftest import Stage, Theatre
from tests.workflow.fake_platform import FakePlatform
from workflows.errors import Reason
from workflows.model.decisions import Submit
from workflows.model.input import RolloutInput
from workflows.model.plan import PlanKind, Supersede
from workflows.model.requests import Action, Outcome, TargetLook
from workflows.rollout import Rollout

ACCEPTED = WorkflowUpdateStage.ACCEPTED


async def running(theatre: Theatre, supersede: Supersede, phase: str = "weight-10") -> Stage:
    platform = FakePlatform(a_plan(10, 50, supersede=supersede), block={phase})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at(phase)
    return stage


async def test_the_same_revision_changes_nothing(theatre: Theatre) -> None:
    stage = await running(theatre, Supersede.RESTART)
    await stage.handle.execute_update("submit", Submit(by="flux"))
    stage.platform.block.clear()
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED
    assert stage.platform.log.count("start v2") == 1


@pytest.mark.parametrize("phase", ["prepare", "start", "weight-10", "weight-50"])
async def test_a_newer_revision_restores_and_starts_from_zero(theatre: Theatre, phase: str) -> None:
    stage = await running(theatre, Supersede.RESTART, phase)
    platform = stage.platform
    platform.target = TargetLook(revision="v3", promoted_revision="v1")
    sent = await stage.handle.start_update("submit", Submit(by="flux"), wait_for_stage=ACCEPTED)
    if phase != "prepare":
        await stage.at("look")
    platform.plan = a_plan(10, 50, revision="v3")
    platform.block.clear()
    await sent.result()
    result = await stage.handle.result()
    assert (result.outcome, result.revision) == (Outcome.PROMOTED, "v3")
    if "start v2" in platform.log:
        back = platform.log.index("close superseded")
        assert platform.log[back - 2 : back] == ["routes 100/0", "stop"]
    assert platform.log[-1] == "close promoted"


async def test_a_queued_revision_follows_when_this_one_is_promoted(theatre: Theatre) -> None:
    stage = await running(theatre, Supersede.QUEUE)
    platform = stage.platform
    platform.target = TargetLook(revision="v3", promoted_revision="v1")
    await stage.handle.execute_update("submit", Submit(by="flux"))
    assert (await stage.status()).queued == "v3"
    platform.plan = a_plan(10, revision="v3")
    platform.block.clear()
    assert (await stage.handle.result()).revision == "v3"
    assert "promote v2" in platform.log
    assert platform.log[-1] == "close promoted"


async def test_a_refused_revision_is_refused_at_the_door(theatre: Theatre) -> None:
    stage = await running(theatre, Supersede.REFUSE)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await stage.handle.execute_update("submit", Submit(revision="v3"))
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == Reason.REVISION_REFUSED
    stage.platform.block.clear()
    assert (await stage.handle.result()).revision == "v2"


async def test_a_newer_revision_during_promotion_waits_for_its_end(theatre: Theatre) -> None:
    stage = await running(theatre, Supersede.RESTART, "promote")
    platform = stage.platform
    platform.target = TargetLook(revision="v3", promoted_revision="v1")
    await stage.handle.execute_update("submit", Submit())
    assert (await stage.status()).queued == "v3"
    platform.plan = a_plan(10, revision="v3")
    platform.block.clear()
    assert (await stage.handle.result()).revision == "v3"
    assert platform.log.index("close promoted") < platform.log.index("start v3")


async def test_going_back_to_the_promoted_revision_ends_the_run(theatre: Theatre) -> None:
    stage = await running(theatre, Supersede.RESTART)
    stage.platform.target = TargetLook(revision="v1", promoted_revision="v1")
    await stage.handle.execute_update("submit", Submit())
    result = await stage.handle.result()
    assert (result.outcome, result.reason) == (Outcome.WITHDRAWN, Reason.REVERTED)
    assert stage.platform.log[-3:] == ["routes 100/0", "stop", "close withdrawn"]


async def test_a_deleted_manifest_ends_the_run_and_reverts(theatre: Theatre) -> None:
    stage = await running(theatre, Supersede.RESTART)
    platform = stage.platform
    platform.target = TargetLook(revision=None, promoted_revision="v1")
    sent = await stage.handle.start_update(
        "submit", Submit(action=Action.REVERT), wait_for_stage=ACCEPTED
    )
    platform.plan = a_plan(kind=PlanKind.REVERT)
    await sent.result()
    assert (await stage.handle.result()).outcome is Outcome.REVERTED
    assert platform.log[-2:] == ["release", "close reverted"]


async def test_a_trigger_starts_a_rollout_and_a_repeated_one_is_a_no_op(
    theatre: Theatre,
) -> None:
    platform = FakePlatform(a_plan(10), block={"weight-10"})
    first = await theatre.begin(platform.plan, platform)
    await first.at("weight-10")

    async def trigger() -> int:
        described = await first.handle.describe()
        start = WithStartWorkflowOperation(
            Rollout.run,
            RolloutInput(name="ignored"),
            id=described.id,
            task_queue=described.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        await first.client.execute_update_with_start_workflow(
            "submit", Submit(by="flux"), start_workflow_operation=start, id="delivery-1"
        )
        return (await first.handle.describe()).history_length

    once = await trigger()
    again = await trigger()
    assert once == again
    platform.block.clear()
    assert (await first.handle.result()).outcome is Outcome.PROMOTED
