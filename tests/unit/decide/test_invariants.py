"""Whatever happens in whatever order, the decision core keeps its promises."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.builders import a_gate, a_plan
from workflows.decide import (
    Done,
    Failed,
    Kind,
    Looked,
    Move,
    Ordered,
    allowed,
    next_move,
    promote_position,
    promoted,
)
from workflows.errors import Reason
from workflows.model.course import Course
from workflows.model.hook import HookType
from workflows.model.observation import Ending, Evidence, Observation
from workflows.model.plan import Ask, Observe, Plan, Routes, Supersede
from workflows.model.status import Verb

GOOD = (Ending.PASSED, Ending.GATE_OPEN)
BAD = (Ending.FAILED, Ending.GUARD, Ending.ROLLBACK_HOOK)


class DecisionCore(RuleBasedStateMachine):
    """A person, a platform and triggers, all at once."""

    def __init__(self) -> None:
        super().__init__()
        self.plan: Plan = a_plan(50)
        self.course = Course()
        self.ended = False
        self.judged: set[int] = set()
        self.opened: set[int] = set()
        self.by_hand = False
        self.breached = False

    @initialize(
        weights=st.lists(st.integers(1, 100), min_size=1, max_size=5, unique=True).map(sorted),
        supersede=st.sampled_from(Supersede),
        gated=st.booleans(),
    )
    def begin(self, weights: list[int], supersede: Supersede, gated: bool) -> None:
        last = Routes(primary=100 - weights[-1], canary=weights[-1])
        gate = a_gate(HookType.CONFIRM_PROMOTION, watch=True, routes=last)
        before = (gate,) if gated else ()
        self.plan = a_plan(*weights, supersede=supersede, before_promotion=before)

    @property
    def running(self) -> bool:
        return not self.ended and self.course.position < len(self.plan.steps)

    @precondition(lambda self: self.running)
    @rule(good=st.booleans(), failed=st.integers(0, 3))
    def what_runs_ends(self, good: bool, failed: int) -> None:
        step = self.plan.steps[self.course.position]
        watching = isinstance(step, Ask) or self.course.holding
        if not isinstance(step, Ask | Observe) and not self.course.holding:
            self.take(next_move(self.plan, self.course, Done()))
            return
        if self.course.holding and promoted(self.plan, self.course):
            return  # nothing is judged after the promotion
        if watching and good:
            if self.course.holding:
                return
            self.opened.add(self.course.position)
        ending = (Ending.GATE_OPEN if watching else Ending.PASSED) if good else Ending.FAILED
        if ending is Ending.PASSED:
            self.judged.add(self.course.position)
        self.breached = ending in BAD
        seen = Observation(
            ending=ending,
            ticks=1,
            failed_checks=self.course.failed_checks + failed,
            evidence=Evidence(),
            reason=None if good else Reason.FAILED_CHECKS,
        )
        before = self.course.failed_checks
        move = next_move(self.plan, self.course, Done(seen))
        assert move.course.failed_checks >= before
        self.take(move)
        assert (move.kind is Kind.RESTORE) == self.breached

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def somebody_speaks(self, data: st.DataObject) -> None:
        verbs = allowed(self.plan, self.course, ending=False)
        verb = data.draw(st.sampled_from([v for v in verbs if v is not Verb.SUBMIT]))
        step = self.plan.steps[self.course.position].name
        if verb is Verb.APPROVE:
            self.opened.add(self.course.position)
        if verb is Verb.PROMOTE:
            self.by_hand = True
        move = next_move(self.plan, self.course, Ordered(verb, by="ana", step=step))
        self.take(move)
        assert (move.kind is Kind.RESTORE) == (verb in (Verb.ABORT, Verb.REJECT))

    @precondition(lambda self: self.running)
    @rule(revision=st.sampled_from(["v1", "v2", "v3"]))
    def a_trigger_comes(self, revision: str) -> None:
        move = next_move(self.plan, self.course, Looked(revision, "v1"))
        self.take(move)
        if revision == self.plan.revision:
            assert move.kind is Kind.KEEP

    @precondition(lambda self: self.running)
    @rule()
    def an_activity_gives_up(self) -> None:
        move = next_move(self.plan, self.course, Failed(Reason.PROGRESS_DEADLINE, "not ready"))
        assert move.kind is Kind.RESTORE
        self.take(move)

    @precondition(lambda self: not self.running)
    @rule()
    def the_next_release_begins(self) -> None:
        self.course, self.ended, self.by_hand = Course(), False, False
        self.judged, self.opened = set(), set()

    @invariant()
    def no_promotion_without_a_verdict(self) -> None:
        """Beyond the promotion, every step before it was passed, opened or skipped by a person."""
        end = promote_position(self.plan)
        assert end is not None
        if self.course.position < end or self.by_hand:
            return
        for position, step in enumerate(self.plan.steps[:end]):
            if isinstance(step, Observe):
                assert position in self.judged
            if isinstance(step, Ask):
                assert position in self.opened

    @invariant()
    def a_paused_rollout_does_not_advance(self) -> None:
        if self.course.paused and self.course.holding:
            assert self.course.position > 0

    def take(self, move: Move) -> None:
        was = self.course
        assert move.course.position >= was.position
        if was.paused and move.course.paused and was.holding:
            assert move.course.position == was.position
        if move.kind is Kind.RESTORE:
            assert move.reason is not None
            self.ended = True
        if promoted(self.plan, was):
            assert move.kind is not Kind.RESTORE or move.reason is Reason.PROGRESS_DEADLINE
        self.course = move.course


TestDecisionCore = DecisionCore.TestCase
