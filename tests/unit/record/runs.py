"""Runs as the engine makes them, played without a clock or a platform, and their records."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import JsonValue

from tests.builders import a_gate, a_plan
from workflows import tally
from workflows.decide import Done, Event, Failed, Kind, Looked, Move, Ordered, next_move
from workflows.errors import Reason
from workflows.guard import plainly_failing, trip
from workflows.model.approval import Circle, GateRule
from workflows.model.hook import HookAnswer, HookType
from workflows.model.identity import Slot
from workflows.model.live import Counts, GuardState
from workflows.model.measurement import (
    Measurement,
    MetricQuery,
    NoData,
    Outcome,
    SecretRef,
    Threshold,
)
from workflows.model.observation import Ending, Observation, ObserveRequest
from workflows.model.plan import Ask, Check, Observe, Plan, Routes
from workflows.model.record import DecisionRecord
from workflows.model.requests import SlotWrite
from workflows.model.status import Verb
from workflows.observing import hold_before, observe_request
from workflows.outcomes import outcome_of
from workflows.positions import step_at, with_gate
from workflows.records.recording import checksum, digest_of
from workflows.records.replaying import NO_FENCE
from workflows.run_record import RunRecord

SLOT = Slot(name="shop")
AT_LEAST = 99.0
AT_MOST = 500.0
BEGAN = 1_700_000_000.0


def judged_plan(*weights: int, threshold: int = 2, gated: bool = False) -> Plan:
    """With a check of each kind of limit, and a gate that wants two people if it is gated."""
    rule = GateRule(who=Circle(people=("ana", "ben", "cleo")), quorum=2)
    last = Routes(primary=100 - weights[-1], canary=weights[-1])
    gate = a_gate(HookType.CONFIRM_PROMOTION, watch=True, routes=last)
    before = (gate.model_copy(update={"rule": rule}),) if gated else ()
    plan = a_plan(*weights, threshold=threshold, before_promotion=before)
    checks = (
        a_check("request-success-rate", Threshold(min=AT_LEAST)),
        a_check("request-duration", Threshold(max=AT_MOST)),
    )
    update = {"checks": checks, "no_data": NoData.HOLD}
    return plan.model_copy(update={"analysis": plan.analysis.model_copy(update=update)})


def a_check(name: str, threshold: Threshold) -> Check:
    query = MetricQuery(
        check=name,
        provider="prometheus",
        query=f"rate({name})",
        address="https://ana:hunter2@prometheus.test/?token=hunter2",
        headers={"Authorization": ("Bearer hunter2",)},
        secret=SecretRef(namespace="default", name="prometheus"),
    )
    return Check(metric=query, threshold=threshold)


@dataclass
class Run:
    """A run that does what the interpreter does, one event after another."""

    plan: Plan
    now: float = BEGAN
    state: RunRecord = field(default_factory=lambda: RunRecord(SLOT, "run", BEGAN))
    over: bool = False

    def __post_init__(self) -> None:
        self.state.plan = self.plan
        self._begin()

    @property
    def watching(self) -> ObserveRequest | None:
        """What is observed now, if anything is."""
        course = self.state.course
        step = step_at(self.plan, course)
        if step is not None and course.holding:
            step = hold_before(self.plan, course, step)
        if not isinstance(step, Ask | Observe):
            return None
        write = SlotWrite(slot=SLOT, fence=NO_FENCE, revision=self.plan.revision)
        return observe_request(write, self.plan, course, step, "")

    def take(self, event: Event) -> Move:
        """Decide, keep the decision, and go where it says."""
        self.now += 1
        state, move = self.state, next_move(self.plan, self.state.course, event)
        state.keep(self.plan, self.now, (event, event), move)
        if move.again is not None:
            self.plan = state.plan = with_gate(self.plan, move.course.position, move.again)
        state.course = move.course
        if move.kind is Kind.RESTORE:
            state.reason, state.message = move.reason, move.message
            state.restore_began(self.now, ())
            self.over = True
        elif state.course.position >= len(self.plan.steps):
            self.over = True
        else:
            self._begin()
        return move

    def ends(self) -> Observation | None:
        """What runs comes to its end as it should."""
        request = self.watching
        seen = None if request is None else observed(request, [99.9] * (request.passes or 1))
        self.take(Done(seen))
        return seen

    def record(self) -> DecisionRecord:
        """The record as the query answers it."""
        if not self.over:
            return self.state.record()
        self.state.restore_ended(self.now)
        if self.state.reason is not None:
            back = {"routes": Routes(primary=100, canary=0), "paused": False}
            self.state.course = self.state.course.model_copy(update=back)
        return self.state.record(outcome_of(self.plan, self.state.course, self.state.reason))

    def _begin(self) -> None:
        if not self.state.course.holding:
            position = self.state.course.position
            self.state.timeline = self.state.timeline.began(position, self.now)


def observed(request: ObserveRequest, rates: list[float | None]) -> Observation:
    """Tick after tick with these success rates, until the step is over; a gate is opened at last.

    None is a tick without data.
    """
    progress = tally.begin(request)
    for at, rate in enumerate([*rates, *[99.9] * 50]):
        if (ending := tally.ended(request, progress)) is not None:
            return tally.conclude(request, progress, ending)
        results = tally.judged(request.analysis, request.analysis.checks, [
            measured(check.metric.check, rate) for check in request.analysis.checks
        ])  # fmt: skip
        gate = tuple(
            HookAnswer(name=hook.name, type=hook.type, ok=at >= len(rates), body="secret")
            for hook in request.gate_hooks
        )
        found = tally.Findings(at=BEGAN + at, results=results, gate=gate)
        progress = tally.count(progress, found)
    return tripped(request)


def measured(check: str, rate: float | None) -> Measurement:
    if rate is None:
        return Measurement(check=check, outcome=Outcome.NO_DATA, reason=Reason.NO_DATA)
    value = rate if check == "request-success-rate" else 120.0
    return Measurement(check=check, outcome=Outcome.VALUE, value=value, query=f"rate({check})")


def tripped(request: ObserveRequest, failed: int = 40) -> Observation:
    """The guard ends the step."""
    state = GuardState(
        primary=Counts(requests=900, failed=2),
        canary=Counts(requests=100, failed=failed),
        looks_with_failures=10,
    )
    found = plainly_failing(request.analysis.guard, state, 1.5)
    assert found is not None
    progress = tally.tripped(tally.begin(request), found)
    ending = tally.ended(request, progress)
    assert ending is not None
    return tally.conclude(request, progress, ending)


def unready(request: ObserveRequest, seconds: float = 12.5) -> Observation:
    """No canary process has been ready for too long."""
    found = trip(request.analysis.guard, GuardState(canary_ready=0, not_ready_for=seconds))
    assert found is not None
    progress = tally.tripped(tally.begin(request), found)
    return tally.conclude(request, progress, Ending.GUARD)


def data_of(record: DecisionRecord) -> dict[str, JsonValue]:
    """As it stands in a file."""
    return record.model_dump(mode="json")


def sealed_again(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """What somebody who changes a record can do too: make its digests right again."""
    data["plan_checksum"] = checksum(data["plan"])
    data["digest"] = digest_of(data)
    return data


def bad_run() -> Run:
    """Two failed checks at the second weight."""
    run = Run(judged_plan(20, 60))
    run.ends()
    run.ends()
    request = run.watching
    assert request is not None
    run.take(Done(observed(request, [80.0, None, 81.2])))
    return run


def guarded_run() -> Run:
    """The guard ends the first weight."""
    run = Run(judged_plan(20, 60))
    run.ends()
    request = run.watching
    assert request is not None
    run.take(Done(tripped(request)))
    return run


def unready_run() -> Run:
    """The guard finds no canary process ready."""
    run = Run(judged_plan(20, 60))
    run.ends()
    request = run.watching
    assert request is not None
    run.take(Done(unready(request)))
    return run


def good_run() -> Run:
    """Promoted, with a pause on the way and an approval by two people."""
    run = Run(judged_plan(20, 60, gated=True))
    run.ends()
    run.take(Ordered(Verb.PAUSE, by="ana", at=run.now))
    run.ends()
    run.take(Ordered(Verb.RESUME, by="ana", at=run.now))
    run.take(Looked("v2", "v1", by="ci"))
    run.ends()
    for name in ("ana", "ben"):
        run.take(Ordered(Verb.APPROVE, by=name, step="confirm-promotion", at=run.now))
    while not run.over:
        run.ends()
    return run


def failed_run() -> Run:
    """The canary never becomes ready."""
    run = Run(judged_plan(20))
    run.take(Failed(Reason.PROGRESS_DEADLINE, "not ready"))
    return run


RUNS: tuple[Callable[[], Run], ...] = (bad_run, guarded_run, unready_run, good_run, failed_run)
