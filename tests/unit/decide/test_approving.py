"""Whatever people say in whatever order: who is not asked opens no gate, and nobody makes two."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import a_plan
from workflows.approvals import approving
from workflows.approvals.approving import DEFAULT, Deadline, Speaker
from workflows.decide import Due, Kind, Move, Ordered, next_move
from workflows.model.approval import Author, Ceiling, Circle, GateRule, GateState, OnExpiry
from workflows.model.course import Course
from workflows.model.hook import HookType
from workflows.model.plan import Ask, Plan, Promote, Routes
from workflows.model.status import Verb

NAMES = ("ana", "ben", "cleo", "dan")
GROUPS = ("web", "release")
GATE = HookType.CONFIRM_PROMOTION
people = st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(tuple)
groups = st.lists(st.sampled_from(GROUPS), max_size=2, unique=True).map(tuple)
circles = st.builds(Circle, people=people, groups=groups)
rules = st.builds(
    GateRule,
    who=circles,
    quorum=st.integers(1, 3),
    not_author=st.booleans(),
    proven=st.booleans(),
    escalate_to=circles,
    expires_after=st.sampled_from([None, 100.0]),
    on_expiry=st.sampled_from(OnExpiry),
    escalate_after=st.sampled_from([None, 50.0]),
)
written = st.sampled_from(NAMES).flatmap(
    lambda name: st.sampled_from([name, name.upper(), f" {name} ", name.title()])
)
approvals = st.builds(
    Ordered,
    verb=st.just(Verb.APPROVE),
    by=written | st.just(""),
    step=st.just(str(GATE)),
    groups=groups,
    proven=st.booleans(),
    max_weight=st.none() | st.integers(0, 100),
    not_before=st.none() | st.integers(0, 200).map(float),
)
instants = st.sampled_from([Deadline.ESCALATION, Deadline.EXPIRY]).map(lambda what: Due(what, 0.0))
said = st.lists(approvals | instants, max_size=8)


def at_the_gate(rule: GateRule, author: str = "") -> tuple[Plan, Course]:
    gate = Ask(
        name=GATE, summary="", gate=GATE, watch=True, routes=Routes(primary=50, canary=50),
        rule=rule,
    )  # fmt: skip
    plan = a_plan(50, before_promotion=(gate,)).model_copy(update={"author": author})
    routes = Routes(primary=50, canary=50)
    return plan, Course(position=plan.step_named(GATE), routes=routes)


def played(plan: Plan, course: Course, events: list[Ordered | Due]) -> tuple[Course, Move | None]:
    """Until the gate opens or the release is taken back; time passes by one with every event."""
    for at, given_event in enumerate(events):
        event = replace(given_event, at=float(at))
        if isinstance(event, Due) and not _can_come(plan, course, event):
            continue
        move = next_move(plan, course, event)
        if move.refusal is not None:
            assert move.course == course
        course = move.course
        if move.kind is not Kind.KEEP:
            return course, move
    return course, None


def _can_come(plan: Plan, course: Course, event: Due) -> bool:
    gate = plan.steps[course.position]
    assert isinstance(gate, Ask)
    found = approving.next_deadline(gate.rule, course.gate, 0.0)
    return found is not None and found[1] is event.deadline


def opened(move: Move | None) -> bool:
    return move is not None and move.kind is Kind.GO


@given(rules, said, st.sampled_from(["", *NAMES]))
@settings(max_examples=400)
def test_a_gate_opens_only_by_enough_different_people_whom_it_asks(
    rule: GateRule, events: list[Ordered | Due], author: str
) -> None:
    plan, course = at_the_gate(rule, author)
    last, move = played(plan, course, events)
    if not opened(move) or rule == DEFAULT:
        return
    spoken = [event for event in events if isinstance(event, Ordered)]
    counting = {
        approving.person(event.by)
        for event in spoken
        if _could_count(rule, event.speaker)
    }  # fmt: skip
    if rule.not_author:
        counting.discard(author)
    assert len(counting) >= rule.quorum
    assert last.position > course.position


def _could_count(rule: GateRule, speaker: Speaker) -> bool:
    """Said a second time, in other words than the code's."""
    if not speaker.by.strip() or (rule.proven and not speaker.proven):
        return False
    member = set(speaker.groups) if speaker.proven else set[str]()
    open_to_all = rule.who == Circle()
    named = {*rule.who.people, *rule.escalate_to.people}
    return open_to_all or speaker.by.strip().lower() in named or bool(
        member & {*rule.who.groups, *rule.escalate_to.groups}
    )  # fmt: skip


@given(rules, st.lists(approvals, max_size=6), st.sampled_from(NAMES))
def test_one_person_never_makes_a_quorum(rule: GateRule, events: list[Ordered], name: str) -> None:
    rule = rule.model_copy(update={"quorum": 2})
    plan, course = at_the_gate(rule)
    spelled = (name, name.upper(), f"{name} ", f" {name}", name.title(), name)
    alone = [replace(event, by=each) for event, each in zip(events, spelled, strict=False)]
    last, move = played(plan, course, list(alone))
    assert not opened(move)
    assert len(last.gate.given) <= 1


@given(st.sampled_from([1, 2, 3]), st.lists(approvals, max_size=6))
def test_a_gate_never_opens_before_the_time_nor_above_the_weight_that_enough_people_approved(
    quorum: int, events: list[Ordered]
) -> None:
    rule = GateRule(quorum=quorum, expires_after=1e9)
    plan, course = at_the_gate(rule)
    # Beyond the gate comes the promotion: to make weights count, let another gate come first.
    second = Ask(name="second", summary="", gate=GATE, routes=course.routes)
    steps = (*plan.steps[: course.position + 1], second, *plan.steps[course.position + 1 :])
    plan = plan.model_copy(update={"steps": steps})
    last, move = played(plan, course, list(events))
    if not opened(move):
        return
    at = max(event.at for event in [replace(e, at=float(i)) for i, e in enumerate(events)])
    willing = [event for event in events if (event.not_before or 0) <= at]
    assert len({approving.person(event.by) for event in willing}) >= quorum
    weight = min((ceiling.weight for ceiling in last.ceilings), default=100)
    agreeing = {
        approving.person(event.by)
        for event in willing
        if event.max_weight is None or event.max_weight >= weight
    }
    assert len(agreeing) >= quorum
    answered = Ordered(Verb.APPROVE, by="eve", step="second")
    onward = next_move(plan, last, answered)
    following = onward.again or plan.steps[onward.course.position]
    assert isinstance(following, Promote) == (weight == 100)


@given(rules, approvals)
def test_promote_passes_over_a_rule_only_for_who_could_open_it_alone(
    rule: GateRule, event: Ordered
) -> None:
    plan, course = at_the_gate(rule)
    order = replace(event, verb=Verb.PROMOTE, max_weight=None, not_before=None)
    approved = next_move(plan, course, replace(order, verb=Verb.APPROVE))
    promoted = next_move(plan, course, order)
    assert opened(promoted) == opened(approved)


def test_a_second_spelling_is_the_same_person_in_every_script() -> None:
    assert approving.person("\uff21\uff2e\uff21") == approving.person(" ana ")
    assert approving.person("Straße") == approving.person("STRASSE")


def test_an_author_is_known_by_revision() -> None:
    authors = (Author(name="ana", revision="v1"), Author(name="ben", revision="v2"),
               Author(name="cleo"))  # fmt: skip
    assert approving.authors_of(authors, "v2", "dan") == ("dan", "ben", "cleo")
    assert approving.newest_author(authors, "v2") == "cleo"
    assert approving.newest_author(authors[:2], "v2") == "ana"


def test_an_approved_gate_neither_expires_nor_escalates() -> None:
    rule = GateRule(expires_after=100, escalate_after=50)
    plan, course = at_the_gate(rule)
    later = Ordered(Verb.APPROVE, by="ana", step=GATE, not_before=1e6, at=1.0)
    gate = next_move(plan, course, later).course.gate
    assert approving.next_deadline(rule, gate, 0.0) == (1e6, Deadline.OPENING)
    assert approving.expires_at(rule, gate, 0.0) is None


def test_deadlines_come_one_after_the_other() -> None:
    rule = GateRule(expires_after=100, escalate_after=50, on_expiry=OnExpiry.HOLD)
    gate = GateState()
    assert approving.next_deadline(rule, gate, 1000.0) == (1050.0, Deadline.ESCALATION)
    gate = approving.escalated(gate)
    assert approving.next_deadline(rule, gate, 1000.0) == (1100.0, Deadline.EXPIRY)
    gate = approving.expired(rule, gate)
    assert approving.next_deadline(rule, gate, 1000.0) is None


def test_promote_is_no_way_around_an_approved_weight() -> None:
    plan = a_plan(10, 50)
    for quorum, kind in ((2, Kind.KEEP), (1, Kind.GO)):
        rule = GateRule(who=Circle(people=("ana", "ben")), quorum=quorum)
        ceiling = Ceiling(weight=30, rule=rule)
        course = Course(position=plan.step_named("weight-10"), ceilings=(ceiling,))
        move = next_move(plan, course, Ordered(Verb.PROMOTE, by="ana"))
        assert (move.kind, move.refusal is None) == (kind, kind is Kind.GO)
        assert next_move(plan, course, Ordered(Verb.PROMOTE, by="dan")).refusal is not None
