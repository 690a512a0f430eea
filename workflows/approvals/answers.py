"""What people's answers to a gate do: approvals, rejections, and promotions past gates.

Called by `workflows.decide`; whose word counts is judged by `workflows.approvals.approving`.
"""

from collections.abc import Iterator

from workflows.advance import advance, through_gate, weight_of
from workflows.approvals import approving
from workflows.approvals.approving import DEFAULT, Deadline, Refusal
from workflows.errors import Reason
from workflows.model.approval import GateRule, GateState, Given, OnExpiry
from workflows.model.course import Course
from workflows.model.plan import Ask, Observe, Plan
from workflows.moves import Due, Kind, Move, Ordered
from workflows.positions import gate_at, promote_position, step_at


def approved(plan: Plan, course: Course, event: Ordered) -> Move:
    """Count an approval; the gate opens when there are enough, and their time has come."""
    gate = gate_at(plan, course)
    if gate is None or gate.name != event.step:
        return _stale(plan, course, event)
    refusal = _uncounted(plan, course, gate, event)
    if refusal is not None:
        return Move(Kind.KEEP, course, refusal=refusal)
    state = course.gate.model_copy(update={"given": (*course.gate.given, _given(event))})
    course = course.model_copy(update={"gate": state})
    opening = approving.opens_at(gate.rule, state.given)
    if opening is None or opening > event.at:
        return Move(Kind.KEEP, course)
    return through_gate(plan, course, gate, event.at)


def rejected(plan: Plan, course: Course, event: Ordered) -> Move:
    """One person who is asked takes the release back."""
    gate = gate_at(plan, course)
    if gate is None or gate.name != event.step:
        return _stale(plan, course, event)
    refusal = approving.may_reject(gate.rule, event.speaker)
    if refusal is not None:
        return Move(Kind.KEEP, course, refusal=refusal)
    said = f": {event.text}" if event.text else ""
    message = f"rejected by {event.by or 'somebody'}{said}"
    return Move(Kind.RESTORE, course, Reason.REJECTED, message)


def promoted_by_hand(plan: Plan, course: Course, event: Ordered) -> Move:
    """Pass over the rest, if this person alone may open every gate that asks by a rule."""
    refusal = _first_refusal(plan, course, event)
    if refusal is not None:
        return Move(Kind.KEEP, course, refusal=refusal)
    course = course.model_copy(update={"skipping": True, "paused": False, "ceilings": ()})
    if isinstance(step_at(plan, course), Ask | Observe):
        return advance(plan, course)
    if course.holding:
        return Move(Kind.GO, course.model_copy(update={"holding": False}))
    return Move(Kind.KEEP, course)


def time_came(plan: Plan, course: Course, event: Due) -> Move:
    """A deadline of the gate that waits."""
    gate = gate_at(plan, course)
    if gate is None:
        return Move(Kind.KEEP, course)
    match event.deadline:
        case Deadline.OPENING:
            return through_gate(plan, course, gate, event.at)
        case Deadline.ESCALATION:
            return _with_gate(course, approving.escalated(course.gate))
        case Deadline.EXPIRY if gate.rule.on_expiry is OnExpiry.REJECT:
            return Move(Kind.RESTORE, course, Reason.GATE_EXPIRED, _expired(gate, course))
        case Deadline.EXPIRY:
            return _with_gate(course, approving.expired(gate.rule, course.gate))


def hooks_opened(plan: Plan, course: Course) -> Move:
    """Every hook of the gate has answered 2xx; where there is a rule, people still decide."""
    gate = gate_at(plan, course)
    if gate is None or gate.rule == DEFAULT:
        return advance(plan, course)
    state = course.gate.model_copy(update={"answered": True})
    return Move(Kind.GO, course.model_copy(update={"gate": state}))


def _uncounted(plan: Plan, course: Course, gate: Ask, event: Ordered) -> Refusal | None:
    names = approving.authors_of(course.authors, plan.revision, plan.author)
    refusal = approving.may_approve(gate.rule, course.gate, event.speaker, names)
    weight = weight_of(plan, course, course.position + 1)
    if refusal is not None or event.max_weight is None or event.max_weight >= weight:
        return refusal
    text = (
        f"the next step sends {weight} % to the new revision, and at most {event.max_weight} % "
        "is approved: reject it, or leave the gate waiting"
    )
    return Refusal(Reason.INVALID_REQUEST, text)


def _given(event: Ordered) -> Given:
    return Given(
        by=event.by,
        groups=event.groups if event.proven else (),
        at=event.at,
        via=event.via,
        proven=event.proven,
        comment=event.text,
        max_weight=event.max_weight,
        not_before=event.not_before,
    )


def _stale(plan: Plan, course: Course, event: Ordered) -> Move:
    now = step_at(plan, course)
    text = f"{event.step!r} is not waiting any more; now: {now.name if now else 'the end'}"
    return Move(Kind.KEEP, course, refusal=Refusal(Reason.STALE_DECISION, text))


def _first_refusal(plan: Plan, course: Course, event: Ordered) -> Refusal | None:
    names = approving.authors_of(course.authors, plan.revision, plan.author)
    for what, rule, state in _rules_ahead(plan, course):
        refusal = approving.may_approve(rule, state, event.speaker, names)
        opening = approving.opens_at(rule, (*state.given, _given(event)))
        if refusal is None and (opening is None or opening > event.at):
            text = f"it asks for more than one person's word: {approving.rule_words(rule)}"
            refusal = Refusal(Reason.NOT_ALLOWED_TO_APPROVE, text)
        if refusal is not None:
            message = f"promote would pass over the gate {what}: {refusal.message}"
            return Refusal(refusal.reason, message)
    return None


def _rules_ahead(plan: Plan, course: Course) -> Iterator[tuple[str, GateRule, GateState]]:
    """The rules, other than the default, that a promotion by hand would pass over."""
    waiting = gate_at(plan, course)
    for step in plan.steps[course.position : promote_position(plan)]:
        if isinstance(step, Ask) and step.rule != DEFAULT:
            yield step.name, step.rule, course.gate if step is waiting else GateState()
    for ceiling in course.ceilings:
        if ceiling.rule != DEFAULT:
            yield f"for more than {ceiling.weight} %", ceiling.rule, GateState()


def _with_gate(course: Course, state: GateState) -> Move:
    return Move(Kind.KEEP, course.model_copy(update={"gate": state}))


def _expired(gate: Ask, course: Course) -> str:
    after = approving.span_words(gate.rule.expires_after or 0)
    given = len(course.gate.given)
    return f"{gate.name} expired after {after} with {given} of {gate.rule.quorum} approvals"
