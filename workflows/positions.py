"""Reads where a course stands in its plan, and what follows from that. Pure."""

from collections.abc import Collection

from workflows.model.course import Course
from workflows.model.plan import Ask, Plan, Promote, Routes, Start, Step, UndoHook


def promoted(plan: Plan, course: Course) -> bool:
    """Whether the point of no return is passed: the primary runs the new revision."""
    index = promote_position(plan)
    return index is not None and course.position > index


def promoting(plan: Plan, course: Course) -> bool:
    """Whether the promotion has begun, or the plan has none."""
    index = promote_position(plan)
    return index is None or course.position >= index


def promote_position(plan: Plan) -> int | None:
    """Where the plan promotes, if it does."""
    return next((i for i, s in enumerate(plan.steps) if isinstance(s, Promote)), None)


def analysing(plan: Plan, course: Course) -> bool:
    """Whether a canary is up and not yet promoted, so that looking at it makes sense."""
    start = next((i for i, s in enumerate(plan.steps) if isinstance(s, Start)), None)
    return start is not None and course.position > start and not promoted(plan, course)


def step_at(plan: Plan, course: Course) -> Step | None:
    """The step at the course's position, if the plan has one there."""
    return plan.steps[course.position] if course.position < len(plan.steps) else None


def gate_at(plan: Plan, course: Course) -> Ask | None:
    """The gate that waits, if one does."""
    now = step_at(plan, course)
    return now if isinstance(now, Ask) and not course.holding else None


def waits_at(plan: Plan, course: Course, step: str) -> bool:
    """Whether the gate named `step` is the one that waits now."""
    gate = gate_at(plan, course)
    return gate is not None and gate.name == step


def routes_at(plan: Plan, position: int, before: Routes) -> Routes:
    """The routes that hold during a step: its own, or those that were."""
    routes = getattr(plan.steps[position], "routes", None)
    return routes if isinstance(routes, Routes) else before


def with_gate(plan: Plan, position: int, gate: Ask) -> Plan:
    """The plan with one more gate before the step at a position."""
    steps = (*plan.steps[:position], gate, *plan.steps[position:])
    return plan.model_copy(update={"steps": steps})


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
