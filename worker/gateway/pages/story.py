"""The decisions of a run with the evidence of each, from its decision record. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from workflows.judge import judgement
from workflows.model.live import GuardRule
from workflows.model.measurement import Verdict
from workflows.model.observation import Evidence, Tick
from workflows.model.record import Decided, DecisionRecord, Ended, GaveUp, Told


@dataclass(frozen=True)
class Decision:
    """One decision: what came, what followed, and what it went by."""

    at: float
    step: str
    happened: str
    move: str
    reason: str
    message: str
    evidence: tuple[str, ...] = ()


def decisions(record: DecisionRecord | None) -> tuple[Decision, ...]:
    """All that are kept, the newest first."""
    if record is None:
        return ()
    return tuple(_decision(each) for each in reversed(record.decided))


def guard_rule(record: DecisionRecord | None) -> GuardRule | None:
    """When the guard of this run ends a step."""
    return record.plan.analysis.guard if record is not None and record.plan is not None else None


def evidence_lines(evidence: Evidence) -> Iterator[str]:
    """What a look ended by, in lines; what the last tick saw where all went well."""
    if evidence.trip is not None:
        trip = evidence.trip
        yield f"guard: {trip.message}"
        yield (
            f"canary {trip.failed} of {trip.requests} requests failed, primary"
            f" {trip.primary_failed} of {trip.primary_requests}"
        )
    tick = evidence.first_failure or (evidence.ticks[-1] if evidence.ticks else None)
    if tick is not None:
        yield from _seen(tick)
    for answer in evidence.gate:
        yield f"{answer.name}: {'opened' if answer.ok else answer.message}"
    if evidence.drift:
        yield f"routes were changed by somebody else {evidence.drift} times, and set right"


def _seen(tick: Tick) -> Iterator[str]:
    failing = [each for each in tick.results if each.verdict is not Verdict.PASS]
    for result in failing or tick.results:
        yield judgement(result.measurement, result.threshold)
    for answer in tick.answers:
        if not answer.ok:
            yield f"hook {answer.name}: {answer.message}"


def _decision(decided: Decided) -> Decision:
    event = decided.event
    evidence: tuple[str, ...] = ()
    if isinstance(event, Ended) and event.observation is not None:
        evidence = tuple(evidence_lines(event.observation.evidence))
    return Decision(
        at=decided.at,
        step=decided.step,
        happened=_happened(decided),
        move=str(decided.move.kind),
        reason=str(decided.move.reason or ""),
        message=decided.move.message,
        evidence=evidence,
    )


def _happened(decided: Decided) -> str:
    match decided.event:
        case Ended(observation=None):
            return "the step was done"
        case Ended(observation=seen) if seen is not None:
            return f"{seen.ending} after {seen.ticks} looks"
        case GaveUp() as gave_up:
            return f"it failed: {gave_up.message}"
        case Told() as told:
            return f"{told.by or 'somebody'} said {told.verb}" + (
                f": {told.text}" if told.text else ""
            )
        case _:
            return "a trigger came"
