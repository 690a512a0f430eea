"""Goes on from a step: to the next one, to a pause, or to a gate that must be asked again.

Called by `workflows.decide`. Who approved a release up to a weight is asked again before any step
that sends more users to the new revision; the promotion sends all of them.
"""

from workflows.approvals.approving import WHOLE, approved_weight, rule_words
from workflows.model.approval import Ceiling, GateRule, GateState
from workflows.model.course import Course
from workflows.model.hook import HookType
from workflows.model.plan import Ask, Observe, Plan, Promote, Shift, Step
from workflows.moves import Kind, Move
from workflows.positions import analysing, promote_position, promoted, routes_at, step_at


def advance(plan: Plan, course: Course) -> Move:
    """The step at the course's position is done, or passed over."""
    if course.position < len(plan.steps):
        routes = routes_at(plan, course.position, course.routes)
        course = course.model_copy(update={"routes": routes})
    next_one = {"position": _next_position(plan, course), "holding": False, "gate": GateState()}
    onward = course.model_copy(update=next_one)
    again = _asked_again(plan, onward)
    if onward.paused and onward.position < len(plan.steps):
        return Move(Kind.HOLD, onward.model_copy(update={"holding": True}), again=again)
    return Move(Kind.GO, onward, again=again)


def through_gate(plan: Plan, course: Course, gate: Ask, at: float) -> Move:
    """Enough people have approved; what they agreed on holds until the same rule says more."""
    weight = approved_weight(gate.rule, course.gate.given, at)
    kept = [ceiling for ceiling in course.ceilings if ceiling.rule != gate.rule]
    if weight < WHOLE:
        kept.append(Ceiling(weight=weight, rule=gate.rule))
    return advance(plan, course.model_copy(update={"ceilings": tuple(kept)}))


def weight_of(plan: Plan, course: Course, position: int) -> int:
    """The percentage of users that meet the new revision once a step has begun."""
    step = plan.steps[position] if position < len(plan.steps) else None
    match step:
        case Promote():
            return WHOLE
        case Observe(routes=routes) | Shift(routes=routes):
            return routes.canary
        case _:
            return 0 if promoted(plan, course) else course.routes.canary


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


def _asked_again(plan: Plan, course: Course) -> Ask | None:
    step, end = step_at(plan, course), promote_position(plan)
    if step is None or end is None or course.position > end:
        return None
    weight = weight_of(plan, course, course.position)
    passed = [ceiling for ceiling in course.ceilings if ceiling.weight < weight]
    return _gate_before(plan, course, step, passed[0]) if passed else None


def _gate_before(plan: Plan, course: Course, step: Step, ceiling: Ceiling) -> Ask:
    promotion = isinstance(step, Promote)
    return Ask(
        name=_unused(plan, f"again-before-{step.name}"),
        summary=f"ask again: at most {ceiling.weight} % was approved" + _by(ceiling.rule),
        gate=HookType.CONFIRM_PROMOTION if promotion else HookType.CONFIRM_TRAFFIC_INCREASE,
        watch=course.routes.canary > 0 and analysing(plan, course),
        routes=course.routes,
        rule=ceiling.rule,
    )


def _by(rule: GateRule) -> str:
    words = rule_words(rule)
    return f": {words}" if words else ""


def _unused(plan: Plan, name: str) -> str:
    """Names are unique in a plan; two rules may ask again before one step."""
    names = {step.name for step in plan.steps}
    return next(each for n in range(1, len(names) + 2)
                if (each := name if n == 1 else f"{name}-{n}") not in names)  # fmt: skip
