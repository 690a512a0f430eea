"""Statuses of rollouts as the page gets them."""

from workflows.model.identity import Slot
from workflows.model.plan import ALL_PRIMARY, Expectation, Routes
from workflows.model.status import Phase, RolloutStatus, StepState, StepStatus, Verb

SLOT = Slot(name="shop")


def a_step(
    name: str,
    state: StepState,
    canary: int | None = None,
    *,
    began: float | None = None,
    ended: float | None = None,
    planned: float | None = None,
) -> StepStatus:
    return StepStatus(
        name=name,
        kind="observe",
        summary=name,
        state=state,
        routes=None if canary is None else Routes(primary=100 - canary, canary=canary),
        planned=planned,
        started_at=began,
        ended_at=ended,
    )


def a_status(*steps: StepStatus, **fields: object) -> RolloutStatus:
    status = RolloutStatus(
        slot=SLOT,
        workflow_id=SLOT.workflow_id,
        run_id="run",
        phase=Phase.PROGRESSING,
        steps=steps,
        routes=ALL_PRIMARY,
        allowed=tuple(Verb),
        expectation=Expectation(seconds=100, formula="", rollback_seconds=10, rollback_formula=""),
        started_at=0.0,
    )
    return status.model_copy(update=fields)
