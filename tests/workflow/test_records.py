"""What a rollout writes into the audit log, when, and what a log that is down does to it."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.builders import a_gate, a_plan
from tests.workflow.conftest import Stage, Theatre
from tests.workflow.fake_platform import FakePlatform, failed
from workflows import policies
from workflows.errors import Reason, failure
from workflows.model.audit import AuditKind
from workflows.model.decisions import Decision, Order
from workflows.model.hook import HookType
from workflows.model.plan import UndoHook
from workflows.model.record import DecisionRecord, Told
from workflows.model.requests import Outcome

DOWN = failure(Reason.STORAGE_FULL, "no space left for the audit log", retryable=True)


def kinds(stage: Stage) -> list[AuditKind]:
    return [entry.kind for entry in stage.platform.audited]


async def test_a_release_that_nobody_spoke_to_writes_its_record_alone(theatre: Theatre) -> None:
    stage = await theatre.begin(a_plan(20, 60), by="ci", reason="build 7")
    await stage.handle.result()
    (entry,) = stage.platform.audited
    assert entry.kind is AuditKind.RECORD
    assert entry.payload == await stage.record()
    record = DecisionRecord.model_validate(entry.payload)
    assert (record.outcome, record.asked.by) == (Outcome.PROMOTED, "ci")
    assert record.asked.reason == "build 7"
    assert [each.routes.canary for each in record.written] == [20, 60, 0]


async def test_what_a_person_says_is_in_the_log_while_the_rollout_runs(theatre: Theatre) -> None:
    plan = a_plan(20, before_promotion=(a_gate(HookType.CONFIRM_PROMOTION),))
    stage = await theatre.begin(plan)
    await stage.at(HookType.CONFIRM_PROMOTION)
    await stage.handle.execute_update("pause", Order(by="ana", reason="lunch"))
    await stage.at("audit")
    await stage.handle.execute_update("resume", Order(by="ana"))
    await stage.handle.execute_update("approve", Decision(by="ben"))
    await stage.handle.result()
    assert kinds(stage) == [AuditKind.ORDER] * 3 + [AuditKind.RECORD]
    record = DecisionRecord.model_validate(stage.platform.audited[-1].payload)
    told = [one.event for one in record.decided if isinstance(one.event, Told)]
    assert [each.by for each in told] == ["ana", "ana", "ben"]


async def test_traffic_is_back_before_a_restore_is_in_the_log(theatre: Theatre) -> None:
    undo = (UndoHook(name="flags", after="start", url="http://127.0.0.1:9/"),)
    platform = FakePlatform(a_plan(20, undo=undo), block={"restore", "undo flags"})
    platform.verdicts["weight-20"] = failed
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("restore")
    assert platform.audited == []
    platform.block.remove("restore")
    await stage.at("audit")
    assert platform.routes.canary == 0
    platform.block.clear()
    await stage.handle.result()
    assert kinds(stage) == [AuditKind.RESTORE, AuditKind.RECORD]
    record = DecisionRecord.model_validate(platform.audited[-1].payload)
    assert record.restored is not None
    assert record.restored.undo == ("flags",)
    assert record.restored.ended_at is not None


async def test_a_log_that_is_down_stops_no_rollout_and_gets_everything_later(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "AUDIT_PATIENCE", timedelta(seconds=1))
    platform = FakePlatform(a_plan(20), block={"weight-20"}, failures={"audit": DOWN})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-20")
    await stage.handle.execute_update("abort", Order(by="ana"))
    result = await stage.handle.result()
    assert result.outcome is Outcome.ROLLED_BACK
    assert platform.audited == []
    slot = (await stage.status()).slot
    run_id = stage.handle.first_execution_run_id
    late_id = f"audit/{slot.cluster}/{slot.namespace}/{slot.name}/{run_id}"
    late = stage.client.get_workflow_handle(late_id)
    assert (await late.describe()).status is WorkflowExecutionStatus.RUNNING
    platform.failures.clear()
    await late.result()
    assert kinds(stage) == [AuditKind.RESTORE, AuditKind.RECORD]


async def test_a_cancelled_run_keeps_its_record_too(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(20), block={"weight-20"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-20")
    await stage.handle.cancel(reason="the site is down")
    await stage.at("close")
    await stage.at("audit")
    with pytest.raises(Exception, match=r"cancelled|failed"):
        await stage.handle.result()
    record = DecisionRecord.model_validate(platform.audited[-1].payload)
    assert (record.outcome, record.reason) == (Outcome.ROLLED_BACK, Reason.CANCELLED)
