"""What `workflows.moves` speaks of, as values that a record keeps, and back again.

Called by `workflows.records.recording` when a decision is kept and by `workflows.records.replaying`
when it is made again. Pure.
"""

from workflows import moves
from workflows.approvals.approving import Deadline
from workflows.model import record
from workflows.model.hook import HookAnswer
from workflows.model.measurement import shortened
from workflows.model.observation import CheckResult, Evidence, Observation, Tick
from workflows.model.plan import Plan


def happened(plan: Plan, event: moves.Event) -> record.Happened:
    """An event as it is kept: without what the plan says already."""
    match event:
        case moves.Done(observation):
            return record.Ended(observation=observation and _slim(plan, observation))
        case moves.Failed(reason, message):
            return record.GaveUp(reason=reason, message=message)
        case moves.Due(deadline, at):
            return record.TimeCame(deadline=deadline.value, at=at)
        case moves.Ordered():
            return record.Told.model_validate(event.__dict__)
        case moves.Looked():
            return record.LookedAt.model_validate(event.__dict__)


def event_of(kept: record.Happened) -> moves.Event:
    """The event that was kept."""
    match kept:
        case record.Ended(observation=observation):
            return moves.Done(observation)
        case record.GaveUp(reason=reason, message=message):
            return moves.Failed(reason, message)
        case record.TimeCame(deadline=deadline, at=at):
            return moves.Due(Deadline(deadline), at)
        case record.Told():
            return _ordered(kept)
        case record.LookedAt():
            looked = (kept.revision, kept.promoted_revision, kept.action, kept.by)
            return moves.Looked(*looked)


def _ordered(kept: record.Told) -> moves.Ordered:
    return moves.Ordered(
        verb=kept.verb,
        by=kept.by,
        text=kept.text,
        step=kept.step,
        groups=kept.groups,
        via=kept.via,
        proven=kept.proven,
        max_weight=kept.max_weight,
        not_before=kept.not_before,
        at=kept.at,
    )


def move_of(move: moves.Move) -> record.Move:
    """A move as it is kept."""
    refusal = move.refusal
    return record.Move(
        kind=record.MoveKind(move.kind.value),
        course=move.course,
        reason=move.reason,
        message=move.message,
        again=move.again,
        refusal=refusal and record.Refused(reason=refusal.reason, message=refusal.message),
    )


def _slim(plan: Plan, observation: Observation) -> Observation:
    queries = {check.metric.check: shortened(check.metric.query) for check in plan.analysis.checks}
    evidence = observation.evidence
    slim = evidence.model_copy(
        update={
            "ticks": tuple(_slim_tick(tick, queries) for tick in evidence.ticks),
            "first_failure": evidence.first_failure and _slim_tick(evidence.first_failure, queries),
            "gate": _without_bodies(evidence.gate),
        }
    )
    return observation.model_copy(update={"evidence": slim})


def _slim_tick(tick: Tick, queries: dict[str, str]) -> Tick:
    results = tuple(_slim_result(result, queries) for result in tick.results)
    answers = _without_bodies(tick.answers)
    return tick.model_copy(update={"results": results, "answers": answers})


def _slim_result(result: CheckResult, queries: dict[str, str]) -> CheckResult:
    measurement = result.measurement
    if measurement.query != queries.get(measurement.check):
        return result
    return result.model_copy(update={"measurement": measurement.model_copy(update={"query": ""})})


def _without_bodies(answers: tuple[HookAnswer, ...]) -> tuple[HookAnswer, ...]:
    return tuple(answer.model_copy(update={"body": ""}) for answer in answers)


def without_ticks(observation: Observation) -> Observation:
    """What is kept of an old observation once a record is full: its end and its first failure."""
    evidence = observation.evidence
    return observation.model_copy(
        update={
            "evidence": Evidence(
                first_failure=evidence.first_failure,
                trip=evidence.trip,
                drift=evidence.drift,
                blind=evidence.blind,
            )
        }
    )
