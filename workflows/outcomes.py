"""How a run ended, by what its plan was for and why it was taken back.

Asked by `workflows.rollout` at its end, and by `workflows.records.replaying`. Pure.
"""

from workflows.errors import Reason
from workflows.model.course import Course
from workflows.model.plan import Plan, PlanKind
from workflows.model.requests import Outcome
from workflows.positions import promoted

_FINISHED = {
    PlanKind.RELEASE: Outcome.PROMOTED,
    PlanKind.INITIALISE: Outcome.INITIALISED,
    PlanKind.REVERT: Outcome.REVERTED,
    PlanKind.UNCHANGED: Outcome.UNCHANGED,
    PlanKind.SUSPENDED: Outcome.SUSPENDED,
}
_RESTORED = {Reason.SUPERSEDED: Outcome.SUPERSEDED, Reason.REVERTED: Outcome.WITHDRAWN}


def outcome_of(plan: Plan, course: Course, reason: Reason | None) -> Outcome:
    """`reason` is why traffic was given back; None if the plan was followed to its end."""
    if reason is None:
        return _FINISHED[plan.kind]
    if promoted(plan, course):
        return Outcome.PROMOTED
    return _RESTORED.get(reason, Outcome.ROLLED_BACK)
