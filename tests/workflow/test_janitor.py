"""A terminated rollout is restored by the janitor."""

import uuid

from temporalio.client import WorkflowExecutionStatus

from tests.builders import a_plan
from tests.workflow.conftest import Theatre
from tests.workflow.fake_platform import FakePlatform
from workflows.janitor import Janitor, JanitorInput
from workflows.model.plan import ALL_PRIMARY, UndoHook
from workflows.model.requests import Orphan

UNDO = UndoHook(name="flags", after="start", url="http://127.0.0.1:9/")


async def test_a_terminated_rollout_is_restored_with_its_undo_hooks(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(50, undo=(UNDO,)), block={"weight-50"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-50")
    status = await stage.status()
    await stage.handle.terminate("an accident")
    assert platform.routes.canary == 50
    platform.orphans = [
        Orphan(slot=status.slot, run_id=status.run_id, plan=platform.plan, owed=(UNDO,))
    ]
    started = await stage.client.execute_workflow(
        Janitor.run,
        JanitorInput(cluster=status.slot.cluster),
        id=f"janitor-{uuid.uuid4()}",
        task_queue=status.slot.cluster,
    )
    assert started == 1
    restore = stage.client.get_workflow_handle(status.slot.restore_id)
    await restore.result()
    assert (await restore.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert platform.routes == ALL_PRIMARY
    assert platform.log[-4:] == ["routes 100/0", "stop", "undo flags", "close rolled-back"]


async def test_a_late_write_of_the_terminated_run_is_refused_after_the_restore(
    theatre: Theatre,
) -> None:
    platform = FakePlatform(a_plan(50))
    stage = await theatre.begin(platform.plan, platform)
    await stage.handle.result()
    newest = platform.fence
    assert newest.model_copy(update={"sequence": 0}).older_than(newest)
    later_run = newest.model_copy(update={"generation": newest.generation + 1, "sequence": 0})
    assert newest.older_than(later_run)
