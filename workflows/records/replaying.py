"""Makes every decision of a run again, from its decision record alone, and says what differs.

Called by `serinus replay`. The decisions come from `workflows.decide`, the verdicts from
`workflows.records.rejudging`: the code that made them the first time. No workflow may import it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue

from workflows import decide, outcomes
from workflows.model.course import Course
from workflows.model.identity import Fence
from workflows.model.observation import Observation, ObserveRequest
from workflows.model.plan import ALL_PRIMARY, Ask, Observe, Plan
from workflows.model.record import Decided, DecisionRecord, Ended, MoveKind
from workflows.model.requests import SlotWrite
from workflows.observing import hold_before, observe_request
from workflows.positions import with_gate
from workflows.records.recording import checksum, digest_of, written
from workflows.records.recounting import event_of, move_of
from workflows.records.rejudging import Difference, rejudged

NO_FENCE = Fence(run_id="", generation=0, sequence=0)


@dataclass(frozen=True)
class Replayed:
    """What was made again, and what came out otherwise."""

    decisions: int
    verdicts: int
    differences: tuple[Difference, ...]


def replayed(data: dict[str, JsonValue]) -> Replayed:
    """Recompute one record; ValidationError if it is none."""
    record = DecisionRecord.model_validate(data)
    found = list(_integrity(data))
    if record.plan is not None:
        found += _decisions(record, record.plan)
        found += _end(record, record.plan)
    verdicts = sum(_verdicts(one) for one in record.decided)
    return Replayed(len(record.decided), verdicts, tuple(found))


def _integrity(data: dict[str, JsonValue]) -> Iterator[Difference]:
    plan = data.get("plan")
    recorded = str(data.get("plan_checksum", ""))
    if plan is not None and checksum(plan) != recorded:
        yield Difference("the plan's checksum", recorded, checksum(plan))
    digest = str(data.get("digest", ""))
    if digest_of(data) != digest:
        yield Difference("the record's digest", digest, digest_of(data))


def _decisions(record: DecisionRecord, plan: Plan) -> Iterator[Difference]:
    plan = without_gates(plan, record.decided)
    course: Course | None = None if record.left_out else _first(record)
    for number, one in enumerate(record.decided, record.left_out + 1):
        where = f"decision {number} ({one.step})"
        if course is not None and one.before != course:
            yield from _unlike(f"{where}, before", one.before, course)
        yield from _decision(where, record, plan, one)
        course = one.move.course
        if one.move.again is not None:
            plan = with_gate(plan, course.position, one.move.again)


def _first(record: DecisionRecord) -> Course:
    """A run begins at the first step; who triggered it stands in its course from the start."""
    authors = record.decided[0].before.authors if record.decided else ()
    return Course(authors=authors)


def without_gates(plan: Plan, decided: Sequence[Decided]) -> Plan:
    """The plan before these decisions: gates that they put into it are taken out again."""
    steps = list(plan.steps)
    for one in reversed(decided):
        if one.move.again is not None:
            del steps[one.move.course.position]
    return plan.model_copy(update={"steps": tuple(steps)})


def _decision(where: str, record: DecisionRecord, plan: Plan, one: Decided) -> Iterator[Difference]:
    event = one.event
    if isinstance(event, Ended) and event.observation is not None:
        request = _request(record, plan, one.before)
        if request is None:
            yield Difference(where, "an observation", "a step that observes nothing")
        else:
            yield from rejudged(where, request, event.observation)
    again = move_of(decide.next_move(plan, one.before, event_of(event)))
    yield from _unlike(where, one.move, again)


def _request(record: DecisionRecord, plan: Plan, course: Course) -> ObserveRequest | None:
    """What the observation was asked to do."""
    step = plan.steps[course.position]
    if course.holding:
        step = hold_before(plan, course, step)
    if not isinstance(step, Ask | Observe):
        return None
    write = SlotWrite(slot=record.slot, fence=NO_FENCE, revision=plan.revision)
    return observe_request(write, plan, course, step, "")


def _end(record: DecisionRecord, plan: Plan) -> Iterator[Difference]:
    again = tuple(written(record.restored, plan, record.timeline))
    if again != record.written:
        yield Difference("routes written", str(record.written), str(again))
    if record.outcome is not None:
        yield from _outcome(record, plan)


def _outcome(record: DecisionRecord, plan: Plan) -> Iterator[Difference]:
    yield from _why(record)
    outcome = outcomes.outcome_of(plan, record.course, record.reason)
    if outcome is not record.outcome:
        yield Difference("the outcome", str(record.outcome), outcome)
    finished = record.course.position >= len(plan.steps)
    if record.reason is None and not finished:
        yield Difference("the end", "the plan was followed to its end", "it was not")
    if record.reason is not None and record.course.routes != ALL_PRIMARY:
        yield Difference("the end, routes", str(record.course.routes), str(ALL_PRIMARY))


def _why(record: DecisionRecord) -> Iterator[Difference]:
    """As the last decision says; a cancellation comes from outside and is none."""
    last = record.decided[-1].move if record.decided else None
    if last is not None and last.kind is MoveKind.RESTORE:
        for name in ("reason", "message"):
            recorded, decided = str(getattr(record, name)), str(getattr(last, name))
            if recorded != decided:
                yield Difference(f"the end, {name}", recorded, decided)


def _unlike(where: str, recorded: BaseModel, again: BaseModel) -> Iterator[Difference]:
    """Field by field, so that a line says which."""
    for name in type(recorded).model_fields:
        one, other = getattr(recorded, name), getattr(again, name)
        if one == other:
            continue
        if isinstance(one, BaseModel) and isinstance(other, BaseModel):
            yield from _unlike(f"{where}, {name}", one, other)
        else:
            yield Difference(f"{where}, {name}", str(one), str(other))


def _verdicts(one: Decided) -> int:
    seen: Observation | None = one.event.observation if isinstance(one.event, Ended) else None
    return 0 if seen is None else sum(len(tick.results) for tick in seen.evidence.ticks)
