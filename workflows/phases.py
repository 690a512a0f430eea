"""Flagger's word for where a run is; asked by `workflows.run_record`."""

from workflows.model.hook import HookType
from workflows.model.plan import Adopt, Ask, Finish, Plan, PlanKind, Promote, Release
from workflows.model.requests import Outcome
from workflows.model.status import Phase

PHASE_AFTER = {
    Outcome.PROMOTED: Phase.SUCCEEDED,
    Outcome.INITIALISED: Phase.INITIALIZED,
    Outcome.ROLLED_BACK: Phase.FAILED,
    Outcome.WITHDRAWN: Phase.FAILED,
    Outcome.SUPERSEDED: Phase.FAILED,
    Outcome.REVERTED: Phase.TERMINATED,
    Outcome.UNCHANGED: Phase.SUCCEEDED,
    Outcome.SUSPENDED: Phase.INITIALIZED,
}


def phase_of(plan: Plan, position: int) -> Phase:
    """The phase of a run that is at a step of its plan."""
    if plan.kind is PlanKind.REVERT:
        return Phase.TERMINATING
    after_promotion = any(isinstance(step, Promote) for step in plan.steps[:position])
    match plan.steps[position]:
        case Ask(gate=HookType.CONFIRM_ROLLOUT):
            return Phase.WAITING
        case Ask(gate=HookType.CONFIRM_PROMOTION):
            return Phase.WAITING_PROMOTION
        case Adopt():
            return Phase.INITIALIZING
        case Finish():
            return Phase.FINALISING
        case Release():
            return Phase.TERMINATING
        case Promote():
            return Phase.PROMOTING
        case _:
            return Phase.PROMOTING if after_promotion else Phase.PROGRESSING
