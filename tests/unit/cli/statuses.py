"""Statuses for tests of what people see."""

from workflows.errors import Reason
from workflows.model.hook import HookType
from workflows.model.identity import Slot
from workflows.model.measurement import Measurement, Outcome, Verdict
from workflows.model.observation import CheckResult, Evidence, Tick
from workflows.model.plan import Expectation, Routes
from workflows.model.requests import Outcome as Ended
from workflows.model.status import Phase, RolloutStatus, StepState, StepStatus, Waiting

SLOT = Slot(name="shop")
BEGAN = 1_000.0


def a_step(name: str, state: StepState, **fields: object) -> StepStatus:
    base = {"name": name, "kind": "observe", "summary": f"what {name} does", "state": state}
    return StepStatus.model_validate({**base, **fields})


def a_status(**fields: object) -> RolloutStatus:
    steps = (
        a_step("start", StepState.DONE, started_at=BEGAN, ended_at=BEGAN + 2.5),
        a_step("weight-10", StepState.NOW, planned=60.0, started_at=BEGAN + 2.5),
        a_step("promote", StepState.NEXT),
    )
    base: dict[str, object] = {
        "slot": SLOT,
        "workflow_id": SLOT.workflow_id,
        "run_id": "run-1",
        "phase": Phase.PROGRESSING,
        "revision": "v1-abcdef012345",
        "promoted_revision": "v1-999999999999",
        "steps": steps,
        "position": 1,
        "routes": Routes(primary=90, canary=10),
        "threshold": 5,
        "expectation": Expectation(
            seconds=60, formula="f", rollback_seconds=10, rollback_formula="g"
        ),
        "started_at": BEGAN,
    }
    return RolloutStatus.model_validate({**base, **fields})


def a_tick(number: int, verdict: Verdict = Verdict.PASS, value: float = 99.8) -> Tick:
    measurement = Measurement(
        check="request-success-rate", outcome=Outcome.VALUE, value=value, message="of 120 requests"
    )
    result = CheckResult(measurement=measurement, verdict=verdict)
    return Tick(number=number, at=BEGAN + 10 * number, verdict=verdict, results=(result,))


def evidence(*ticks: Tick) -> Evidence:
    return Evidence(ticks=ticks)


def waiting() -> RolloutStatus:
    gate = Waiting(
        step="confirm", gate=HookType.CONFIRM_PROMOTION, since=BEGAN, hooks=("tests-green",)
    )
    return a_status(waiting=gate, phase=Phase.WAITING_PROMOTION)


def ended(outcome: Ended, reason: Reason | None = None, message: str = "") -> RolloutStatus:
    phase = Phase.SUCCEEDED if outcome is Ended.PROMOTED else Phase.FAILED
    return a_status(
        outcome=outcome, reason=reason, message=message, phase=phase, ended_at=BEGAN + 90
    )
