"""What people say to a rollout, in every phase."""

import asyncio

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.builders import a_gate, a_plan
from tests.workflow.conftest import Stage, Theatre
from tests.workflow.fake_platform import FakePlatform, failed, passed
from workflows.errors import Reason
from workflows.model.decisions import Decision, Order, SkipUndo
from workflows.model.hook import HookType
from workflows.model.observation import Ending
from workflows.model.plan import ALL_PRIMARY, Plan, Routes, UndoHook
from workflows.model.requests import Outcome
from workflows.model.status import Phase, Verb

CONFIRM = HookType.CONFIRM_PROMOTION
GATED = a_plan(
    50,
    before_promotion=(a_gate(CONFIRM, watch=True, routes=Routes(primary=50, canary=50)),),
)


async def refused(stage: Stage, verb: str, argument: object) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await stage.handle.execute_update(verb, argument)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


async def test_approval_opens_the_gate_and_keeps_the_name(theatre: Theatre) -> None:
    stage = await theatre.begin(GATED)
    await stage.at(CONFIRM)
    waiting = await stage.status()
    assert waiting.phase is Phase.WAITING_PROMOTION
    assert waiting.waiting is not None
    assert waiting.waiting.step == "confirm-promotion"
    await stage.handle.execute_update("approve", Decision(by="ana", comment="looks good"))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED
    entries = (await stage.status()).entries
    assert ("ana", "approve", "looks good") in [(e.actor, e.action, e.detail) for e in entries]


async def test_approval_needs_no_data(theatre: Theatre) -> None:
    stage = await theatre.begin(GATED)
    await stage.at(CONFIRM)
    await stage.handle.execute_update("approve")
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED


async def test_a_gate_opens_by_its_hooks_alone(theatre: Theatre) -> None:
    platform = FakePlatform(GATED)
    platform.verdicts[CONFIRM] = lambda request: passed(request).model_copy(
        update={"ending": Ending.GATE_OPEN}
    )
    stage = await theatre.begin(GATED, platform)
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED


async def test_checks_that_fail_while_a_gate_waits_take_the_release_back(
    theatre: Theatre,
) -> None:
    platform = FakePlatform(GATED)
    platform.verdicts[CONFIRM] = failed
    stage = await theatre.begin(GATED, platform)
    assert (await stage.handle.result()).outcome is Outcome.ROLLED_BACK


async def test_rejection_takes_the_release_back(theatre: Theatre) -> None:
    stage = await theatre.begin(GATED)
    await stage.at(CONFIRM)
    await stage.handle.execute_update("reject", Decision(by="ana", comment="wrong icon"))
    result = await stage.handle.result()
    assert result.reason == Reason.REJECTED
    assert result.message == "rejected by ana: wrong icon"
    assert stage.platform.routes == ALL_PRIMARY


async def test_an_approval_for_another_step_is_refused_and_names_the_present_one(
    theatre: Theatre,
) -> None:
    stage = await theatre.begin(GATED)
    await stage.at(CONFIRM)
    error = await refused(stage, "approve", Decision(step="weight-50"))
    assert error.type == Reason.STALE_DECISION
    assert error.message == "'weight-50' is not waiting; now: confirm-promotion"
    await stage.handle.execute_update("approve")
    await stage.handle.result()


async def test_two_approvals_at_once_open_one_gate(theatre: Theatre) -> None:
    second = a_gate(HookType.CONFIRM_TRAFFIC_INCREASE)
    plan = a_plan(50, before_promotion=(a_gate(CONFIRM), second))
    stage = await theatre.begin(plan)
    await stage.at(CONFIRM)
    both = [stage.handle.execute_update("approve", Decision(step=CONFIRM), id=f"{n}") for n in "ab"]
    await asyncio.gather(*both, return_exceptions=True)
    await stage.at(second.name)
    assert (await stage.status()).waiting is not None
    assert "promote v2" not in stage.platform.log
    await stage.handle.execute_update("approve")
    await stage.handle.result()


async def test_a_gate_that_does_not_wait_cannot_be_approved(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(50), block={"weight-50"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-50")
    error = await refused(stage, "approve", Decision())
    assert error.message == "no gate is waiting; now: weight-50"
    platform.block.clear()
    await stage.handle.result()


async def test_pause_holds_the_routes_until_resumed(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(10, 50), block={"weight-10"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-10")
    await stage.handle.execute_update("pause", Order(by="ana"))
    platform.block.clear()
    await stage.at("hold-before-weight-50")
    held = await stage.status()
    assert (held.paused, held.routes.canary) == (True, 10)
    assert Verb.RESUME in held.allowed
    await stage.handle.execute_update("resume", Order(by="ana"))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED


async def test_a_breach_while_paused_takes_the_release_back(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(10, 50), block={"weight-10"})
    platform.verdicts["hold-before-weight-50"] = failed
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-10")
    await stage.handle.execute_update("pause")
    platform.block.clear()
    assert (await stage.handle.result()).outcome is Outcome.ROLLED_BACK


async def test_promote_skips_the_rest_of_the_analysis(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(10, 50, 90), block={"weight-10"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-10")
    await stage.handle.execute_update("promote", Order(by="ana", reason="hotfix"))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED
    assert "routes 50/50" not in platform.log
    assert platform.log[-4:] == ["promote v2", "routes 100/0", "stop", "close promoted"]


async def test_promote_before_the_canary_runs_still_starts_it(theatre: Theatre) -> None:
    plan = a_plan(10, before_start=(a_gate(HookType.CONFIRM_ROLLOUT),))
    stage = await theatre.begin(plan)
    await stage.at(HookType.CONFIRM_ROLLOUT)
    await stage.handle.execute_update("promote")
    await stage.handle.result()
    assert stage.platform.log[1:3] == ["start v2", "promote v2"]


PHASES = ["confirm-rollout", "start", "weight-10", "weight-50", "confirm-promotion", "promote"]


def whole_plan() -> Plan:
    return a_plan(
        10,
        50,
        before_start=(a_gate(HookType.CONFIRM_ROLLOUT),),
        before_promotion=(a_gate(CONFIRM, watch=True, routes=Routes(primary=50, canary=50)),),
    )


async def reach(stage: Stage, phase: str) -> None:
    """Drive the gates until the platform is at `phase`."""
    for gate in (HookType.CONFIRM_ROLLOUT, CONFIRM):
        if phase in PHASES[: PHASES.index(gate) + 1]:
            break
        await stage.at(gate)
        await stage.handle.execute_update("approve", id=f"open-{gate}")
    await stage.at(phase)


@pytest.mark.parametrize("phase", PHASES)
async def test_abort_in_every_phase_gives_traffic_back(theatre: Theatre, phase: str) -> None:
    platform = FakePlatform(whole_plan(), block={phase})
    stage = await theatre.begin(platform.plan, platform)
    await reach(stage, phase)
    await stage.handle.execute_update("abort", Order(by="ana", reason="p99"))
    result = await stage.handle.result()
    assert (result.outcome, result.message) == (Outcome.ROLLED_BACK, "aborted by ana: p99")
    assert platform.log[-3:] == ["routes 100/0", "stop", "close rolled-back"]
    assert not platform.canary_runs


@pytest.mark.parametrize("phase", PHASES)
async def test_cancel_in_every_phase_gives_traffic_back_first(theatre: Theatre, phase: str) -> None:
    platform = FakePlatform(whole_plan(), block={phase})
    stage = await theatre.begin(platform.plan, platform)
    await reach(stage, phase)
    await stage.handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await stage.handle.result()
    assert platform.log[-3:] == ["routes 100/0", "stop", "close rolled-back"]


async def test_a_cancel_during_a_restore_does_not_interrupt_it(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(10), block={"stop"})
    platform.verdicts["weight-10"] = failed
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("stop")
    await stage.handle.cancel()
    platform.block.clear()
    assert (await stage.handle.result()).outcome is Outcome.ROLLED_BACK
    assert platform.log[-2:] == ["stop", "close rolled-back"]


async def test_abort_after_the_promotion_is_refused_with_what_is_possible(
    theatre: Theatre,
) -> None:
    platform = FakePlatform(a_plan(10), block={"stop"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("stop")
    error = await refused(stage, "abort", Order())
    assert error.type == Reason.NOT_ALLOWED_NOW
    assert error.message == ("cannot abort in phase Finalising; possible now: pause, submit")
    platform.block.clear()
    await stage.handle.result()


UNDO = (
    UndoHook(name="flags", after="start", url="http://127.0.0.1:9/"),
    UndoHook(name="cache", after="weight-10", url="http://127.0.0.1:9/"),
    UndoHook(name="mail", after="weight-50", url="http://127.0.0.1:9/"),
)


async def test_undo_hooks_of_begun_steps_run_in_reverse_after_traffic_is_back(
    theatre: Theatre,
) -> None:
    platform = FakePlatform(a_plan(10, 50, undo=UNDO))
    platform.verdicts["weight-10"] = failed
    stage = await theatre.begin(platform.plan, platform)
    await stage.handle.result()
    assert platform.log[-5:] == [
        "routes 100/0",
        "stop",
        "undo cache",
        "undo flags",
        "close rolled-back",
    ]


async def test_an_undo_hook_that_fails_is_retried_until_skipped_by_name(
    theatre: Theatre,
) -> None:
    platform = FakePlatform(a_plan(10, 50, undo=UNDO), undo_failures={"cache"})
    platform.verdicts["weight-10"] = failed
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("undo cache")
    assert (await stage.status()).undo_owed == ("cache", "flags")
    error = await refused(stage, "skip", SkipUndo(undo="mail"))
    assert error.message == "no undo hook 'mail' is owed: cache, flags"
    await stage.handle.execute_update("skip", SkipUndo(undo="cache", by="ana"))
    await stage.handle.result()
    assert platform.log[-2:] == ["undo flags", "close rolled-back"]


async def test_a_promoted_release_owes_nothing(theatre: Theatre) -> None:
    stage = await theatre.begin(a_plan(10, 50, undo=UNDO))
    await stage.handle.result()
    assert not [line for line in stage.platform.log if line.startswith("undo")]
