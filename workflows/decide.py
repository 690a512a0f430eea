"""What a rollout does next: a pure function of the plan, where it is, and what happened.

Called by `workflows.rollout` on every event. It knows no clock, no network and no platform, and
must stay deterministic: it is replayed for as long as histories are kept.
"""

from workflows.advance import advance
from workflows.approvals.answers import (
    approved,
    hooks_opened,
    promoted_by_hand,
    rejected,
    time_came,
)
from workflows.errors import Reason
from workflows.model.approval import Author
from workflows.model.course import Course
from workflows.model.observation import Ending, Observation
from workflows.model.plan import Plan, PlanKind, Supersede
from workflows.model.requests import Action
from workflows.model.status import Verb
from workflows.moves import Done, Due, Event, Failed, Kind, Looked, Move, Ordered
from workflows.positions import (
    analysing,
    gate_at,
    owed,
    owed_since,
    promote_position,
    promoted,
    promoting,
    routes_at,
    waits_at,
)

__all__ = [
    "Done",
    "Due",
    "Event",
    "Failed",
    "Kind",
    "Looked",
    "Move",
    "Ordered",
    "allowed",
    "analysing",
    "next_move",
    "owed",
    "owed_since",
    "promote_position",
    "promoted",
    "refused",
    "routes_at",
    "waits_at",
]

KEPT_AUTHORS = 500
"""Names kept at most; the first ones, so that nobody is crowded out of having been an author."""


def next_move(plan: Plan, course: Course, event: Event) -> Move:
    """Decide; every event has exactly one answer."""
    match event:
        case Done(observation):
            return _after_step(plan, course, observation)
        case Failed(reason, message):
            return Move(Kind.RESTORE, course, reason, message)
        case Looked():
            return _after_look(plan, course, event)
        case Ordered():
            return _after_order(plan, course, event)
        case Due():
            return time_came(plan, course, event)


def allowed(plan: Plan | None, course: Course, *, ending: bool) -> tuple[Verb, ...]:
    """The orders that make sense now; the page shows exactly these."""
    if plan is None or ending or plan.kind is not PlanKind.RELEASE:
        return (Verb.SUBMIT,)
    verbs = [Verb.RESUME if course.paused else Verb.PAUSE]
    if gate_at(plan, course) is not None:
        verbs += [Verb.APPROVE, Verb.REJECT]
    if not promoting(plan, course):
        verbs.append(Verb.PROMOTE)
    if not promoted(plan, course):
        verbs.append(Verb.ABORT)
    return (*verbs, Verb.SUBMIT)


def refused(plan: Plan | None, revision: str, course: Course) -> str | None:
    """Why a trigger that names its revision is refused at the door, if it is."""
    if plan is None or plan.supersede is not Supersede.REFUSE or not revision:
        return None
    if revision in (plan.revision, plan.promoted_revision) or promoting(plan, course):
        return None
    return (
        f"revision {revision} is refused: {plan.revision} is being rolled out and the policy "
        f"{plan.policy!r} says supersede: refuse; abort it or wait for its end"
    )


def _after_step(plan: Plan, course: Course, seen: Observation | None) -> Move:
    if seen is not None:
        course = course.model_copy(update={"failed_checks": seen.failed_checks})
        if seen.ending in (Ending.FAILED, Ending.GUARD, Ending.ROLLBACK_HOOK):
            return Move(Kind.RESTORE, course, seen.reason or Reason.FAILED_CHECKS, seen.message)
        if seen.ending is Ending.GATE_OPEN and not course.holding:
            return hooks_opened(plan, course)
    if course.holding:
        return Move(Kind.HOLD, course)
    return advance(plan, course)


def _after_order(plan: Plan, course: Course, event: Ordered) -> Move:
    who = event.by or "somebody"
    said = f": {event.text}" if event.text else ""
    match event.verb:
        case Verb.APPROVE:
            return approved(plan, course, event)
        case Verb.REJECT:
            return rejected(plan, course, event)
        case Verb.ABORT if not promoted(plan, course):
            return Move(Kind.RESTORE, course, Reason.ABORTED, f"aborted by {who}{said}")
        case Verb.PAUSE:
            return Move(Kind.KEEP, course.model_copy(update={"paused": True}))
        case Verb.RESUME:
            return _resume(course.model_copy(update={"paused": False}))
        case Verb.PROMOTE if not promoting(plan, course):
            return promoted_by_hand(plan, course, event)
        case _:
            return Move(Kind.KEEP, course)


def _resume(course: Course) -> Move:
    if course.holding:
        return Move(Kind.GO, course.model_copy(update={"holding": False}))
    return Move(Kind.KEEP, course)


def _after_look(plan: Plan, course: Course, event: Looked) -> Move:
    course = _with_author(course, event)
    if event.action is Action.RELEASE and event.revision in (None, plan.revision):
        return Move(Kind.KEEP, course.model_copy(update={"queued": ""}))
    name = event.revision or event.action
    if plan.kind is not PlanKind.RELEASE or promoting(plan, course):
        return Move(Kind.KEEP, course.model_copy(update={"queued": name}))
    if event.action is Action.REVERT:
        return Move(Kind.RESTORE, course, Reason.SUPERSEDED, "the manifest was deleted")
    if event.revision == plan.promoted_revision:
        message = f"the target was set back to the promoted revision {event.revision}"
        return Move(Kind.RESTORE, course, Reason.REVERTED, message)
    return _newer(plan, course, name)


def _newer(plan: Plan, course: Course, revision: str) -> Move:
    match plan.supersede:
        case Supersede.QUEUE:
            return Move(Kind.KEEP, course.model_copy(update={"queued": revision}))
        case Supersede.REFUSE:
            return Move(Kind.KEEP, course)
        case Supersede.RESTART:
            message = f"superseded by revision {revision}"
            return Move(Kind.RESTORE, course, Reason.SUPERSEDED, message)


def _with_author(course: Course, event: Looked) -> Course:
    """Who triggers the release of a revision is an author of it, of this one or of the next."""
    author = Author(name=event.by, revision=event.revision or "")
    if not event.by or author in course.authors:
        return course
    return course.model_copy(update={"authors": (*course.authors, author)[:KEPT_AUTHORS]})
