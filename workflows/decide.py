"""What a rollout does next: a pure function of the plan, where it is, and what happened.

Called by `workflows.rollout` on every event. It knows no clock, no network and no platform, and
must stay deterministic: it is replayed for as long as histories are kept.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from workflows.errors import Reason
from workflows.model.course import Course
from workflows.model.observation import Ending, Observation
from workflows.model.plan import (
    Ask,
    Observe,
    Plan,
    PlanKind,
    Promote,
    Routes,
    Start,
    Supersede,
    UndoHook,
)
from workflows.model.requests import Action
from workflows.model.status import Verb


@dataclass(frozen=True)
class Done:
    """What was running came to its end: the step itself, or the watch of a hold."""

    observation: Observation | None = None


@dataclass(frozen=True)
class Failed:
    """An activity gave up for good."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Ordered:
    """A person said something; `step` is the gate that an answer was given to."""

    verb: Verb
    by: str = ""
    text: str = ""
    step: str = ""


@dataclass(frozen=True)
class Looked:
    """A trigger came and the target was looked at."""

    revision: str | None
    promoted_revision: str | None
    action: Action = Action.RELEASE


Event = Done | Failed | Ordered | Looked


class Kind(StrEnum):
    """What a move asks of the interpreter."""

    GO = "go"
    KEEP = "keep"
    HOLD = "hold"
    RESTORE = "restore"


@dataclass(frozen=True)
class Move:
    """`GO` performs the step at the course's position, `KEEP` leaves what runs running."""

    kind: Kind
    course: Course
    reason: Reason | None = None
    message: str = ""


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


def promoted(plan: Plan, course: Course) -> bool:
    """Whether the point of no return is passed: the primary runs the new revision."""
    index = promote_position(plan)
    return index is not None and course.position > index


def promote_position(plan: Plan) -> int | None:
    """Where the plan promotes, if it does."""
    return next((i for i, s in enumerate(plan.steps) if isinstance(s, Promote)), None)


def analysing(plan: Plan, course: Course) -> bool:
    """Whether a canary is up and not yet promoted, so that looking at it makes sense."""
    start = next((i for i, s in enumerate(plan.steps) if isinstance(s, Start)), None)
    return start is not None and course.position > start and not promoted(plan, course)


def waits_at(plan: Plan, course: Course, step: str) -> bool:
    """Whether the gate named `step` is the one that waits now."""
    now = _step(plan, course)
    return isinstance(now, Ask) and not course.holding and now.name == step


def routes_at(plan: Plan, position: int, before: Routes) -> Routes:
    """The routes that hold during a step: its own, or those that were."""
    routes = getattr(plan.steps[position], "routes", None)
    return routes if isinstance(routes, Routes) else before


def owed(plan: Plan, begun: Collection[int]) -> tuple[UndoHook, ...]:
    """The undo hooks of the steps that have begun, in reverse: of two after a step the last first.

    `begun` holds positions.
    """
    names = {plan.steps[position].name: position for position in begun}
    due = [hook for hook in reversed(plan.undo) if hook.after in names]
    return tuple(sorted(due, key=lambda hook: names[hook.after], reverse=True))


def owed_since(plan: Plan, step: str) -> tuple[UndoHook, ...]:
    """As `owed`, where all that is known of a run is the name or kind of its last step."""
    for position, each in enumerate(plan.steps):
        if step in (each.name, each.kind):
            return owed(plan, range(position + 1))
    return ()


def allowed(plan: Plan | None, course: Course, *, ending: bool) -> tuple[Verb, ...]:
    """The orders that make sense now; the page shows exactly these."""
    if plan is None or ending or plan.kind is not PlanKind.RELEASE:
        return (Verb.SUBMIT,)
    verbs = [Verb.RESUME if course.paused else Verb.PAUSE]
    if not course.holding and isinstance(_step(plan, course), Ask):
        verbs += [Verb.APPROVE, Verb.REJECT]
    if not _promoting(plan, course):
        verbs.append(Verb.PROMOTE)
    if not promoted(plan, course):
        verbs.append(Verb.ABORT)
    return (*verbs, Verb.SUBMIT)


def refused(plan: Plan | None, revision: str, course: Course) -> str | None:
    """Why a trigger that names its revision is refused at the door, if it is."""
    if plan is None or plan.supersede is not Supersede.REFUSE or not revision:
        return None
    if revision in (plan.revision, plan.promoted_revision) or _promoting(plan, course):
        return None
    return (
        f"revision {revision} is refused: {plan.revision} is being rolled out and the policy "
        f"{plan.policy!r} says supersede: refuse; abort it or wait for its end"
    )


def _step(plan: Plan, course: Course) -> object:
    return plan.steps[course.position] if course.position < len(plan.steps) else None


def _promoting(plan: Plan, course: Course) -> bool:
    index = promote_position(plan)
    return index is None or course.position >= index


def _after_step(plan: Plan, course: Course, seen: Observation | None) -> Move:
    if seen is not None:
        course = course.model_copy(update={"failed_checks": seen.failed_checks})
        if seen.ending in (Ending.FAILED, Ending.GUARD, Ending.ROLLBACK_HOOK):
            return Move(Kind.RESTORE, course, seen.reason or Reason.FAILED_CHECKS, seen.message)
    if course.holding:
        return Move(Kind.HOLD, course)
    return _advance(plan, course)


def _advance(plan: Plan, course: Course) -> Move:
    if course.position < len(plan.steps):
        routes = routes_at(plan, course.position, course.routes)
        course = course.model_copy(update={"routes": routes})
    onward = course.model_copy(update={"position": _next_position(plan, course), "holding": False})
    if onward.paused and onward.position < len(plan.steps):
        return Move(Kind.HOLD, onward.model_copy(update={"holding": True}))
    return Move(Kind.GO, onward)


def _next_position(plan: Plan, course: Course) -> int:
    position = course.position + 1
    while course.skipping and position < len(plan.steps) and _passed_over(plan, course, position):
        position += 1
    return position


def _passed_over(plan: Plan, course: Course, position: int) -> bool:
    """After a promotion by hand: nothing is judged, and the canary never gets more than it has."""
    step, end = plan.steps[position], promote_position(plan)
    if end is not None and position < end:
        return isinstance(step, Ask | Observe)
    return isinstance(step, Observe) and step.routes.canary > course.routes.canary


def _after_order(plan: Plan, course: Course, event: Ordered) -> Move:
    who = event.by or "somebody"
    said = f": {event.text}" if event.text else ""
    match event.verb:
        case Verb.APPROVE if waits_at(plan, course, event.step):
            return _advance(plan, course)
        case Verb.REJECT if waits_at(plan, course, event.step):
            return Move(Kind.RESTORE, course, Reason.REJECTED, f"rejected by {who}{said}")
        case Verb.ABORT if not promoted(plan, course):
            return Move(Kind.RESTORE, course, Reason.ABORTED, f"aborted by {who}{said}")
        case Verb.PAUSE:
            return Move(Kind.KEEP, course.model_copy(update={"paused": True}))
        case Verb.RESUME:
            return _resume(course.model_copy(update={"paused": False}))
        case Verb.PROMOTE if not _promoting(plan, course):
            return _promote(plan, course)
        case _:
            return Move(Kind.KEEP, course)


def _resume(course: Course) -> Move:
    if course.holding:
        return Move(Kind.GO, course.model_copy(update={"holding": False}))
    return Move(Kind.KEEP, course)


def _promote(plan: Plan, course: Course) -> Move:
    course = course.model_copy(update={"skipping": True, "paused": False})
    if isinstance(_step(plan, course), Ask | Observe):
        return _advance(plan, course)
    if course.holding:
        return Move(Kind.GO, course.model_copy(update={"holding": False}))
    return Move(Kind.KEEP, course)


def _after_look(plan: Plan, course: Course, event: Looked) -> Move:
    if event.action is Action.RELEASE and event.revision in (None, plan.revision):
        return Move(Kind.KEEP, course.model_copy(update={"queued": ""}))
    name = event.revision or event.action
    if plan.kind is not PlanKind.RELEASE or _promoting(plan, course):
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
