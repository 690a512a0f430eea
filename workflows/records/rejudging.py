"""Judges again what an observation saw, from what a decision record kept of it.

Called by `workflows.records.replaying`. It uses the code that judged the first time: the limits of
`workflows.judge`, the counting of `workflows.tally`, the tests of `workflows.guard`. No workflow
may import it: it loads statistics.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from workflows import tally
from workflows.errors import Reason
from workflows.guard import plainly_failing
from workflows.guard import trip as judged_by_guard
from workflows.judge import judge_measurement, judgement
from workflows.model.hook import HookType
from workflows.model.live import Counts, GuardRule, GuardState, Trip
from workflows.model.measurement import Verdict
from workflows.model.observation import (
    CheckResult,
    Ending,
    Evidence,
    Observation,
    ObserveProgress,
    ObserveRequest,
    Tick,
)
from workflows.model.plan import Analysis

CLOSE = 1e-9
"""How far two probabilities may differ: another processor may round the last digits otherwise."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a record says, and what comes out of what it says."""

    where: str
    recorded: str
    recomputed: str

    def __str__(self) -> str:
        return f"{self.where}: recorded {self.recorded}, recomputed {self.recomputed}"


def rejudged(where: str, request: ObserveRequest, seen: Observation) -> Iterator[Difference]:
    """Every verdict, count and finding of one observation that does not come out again."""
    evidence = seen.evidence
    for tick in evidence.ticks:
        yield from _tick(f"{where}, tick {tick.number}", request.analysis, tick)
    if evidence.first_failure is not None:
        yield from _tick(f"{where}, first failure", request.analysis, evidence.first_failure)
    yield from _first_failure(f"{where}, first failure", evidence)
    if evidence.trip is not None:
        yield from _trip(f"{where}, guard", request.analysis.guard, evidence.trip)
    yield from _counted(where, request, seen)
    if evidence.ticks or not seen.ticks:
        yield from _ending(where, request, seen)


def _tick(where: str, analysis: Analysis, tick: Tick) -> Iterator[Difference]:
    limits = {check.metric.check: check.threshold for check in analysis.checks}
    for result in tick.results:
        name, measurement = result.measurement.check, result.measurement
        limit = limits.get(name)
        if result.threshold != limit:
            yield Difference(f"{where}, {name}, limits", str(result.threshold), str(limit))
        verdict = judge_measurement(measurement, result.threshold, analysis.no_data)
        if verdict is not result.verdict:
            yield Difference(f"{where}, {name}", result.verdict, f"{verdict} for {_value(result)}")
    counting = [answer for answer in tick.answers if answer.type is not HookType.ROLLBACK]
    verdict = tally.verdict_of(tick.results, counting)
    if verdict is not tick.verdict:
        yield Difference(where, tick.verdict, verdict)


def _first_failure(where: str, evidence: Evidence) -> Iterator[Difference]:
    """The failing tick that was kept first; where it is still among the last ones, it is those."""
    first = evidence.first_failure
    failing = [tick for tick in evidence.ticks if tick.verdict is Verdict.FAIL]
    if first is None or (failing and failing[0].number <= first.number):
        again = failing[0] if failing else None
        if again != first:
            yield Difference(where, _shown(first), _shown(again))
    elif first.verdict is not Verdict.FAIL:
        yield Difference(where, first.verdict, Verdict.FAIL)


def _shown(tick: Tick | None) -> str:
    if tick is None:
        return "none"
    said = ", ".join(judgement(each.measurement, each.threshold) for each in tick.results)
    return f"tick {tick.number} ({said})"


def _value(result: CheckResult) -> str:
    measurement = result.measurement
    value = measurement.outcome if measurement.value is None else f"{measurement.value:.6g}"
    return f"{value} within {result.threshold}"


def _trip(where: str, rule: GuardRule, trip: Trip) -> Iterator[Difference]:
    """The counts of looks are not kept, so they count as enough."""
    if trip.reason is Reason.GUARD_NOT_READY:
        yield from _not_ready(where, rule, trip)
        return
    state = GuardState(
        canary=Counts(requests=trip.requests, failed=trip.failed),
        primary=Counts(requests=trip.primary_requests, failed=trip.primary_failed),
        looks_with_failures=rule.min_looks,
    )
    again = plainly_failing(rule, state, trip.burstiness)
    if again is None:
        yield Difference(where, trip.message, "the counts do not end the step")
        return
    for name in ("p_primary", "p_allowed"):
        recorded, recomputed = _number(trip, name), _number(again, name)
        if not math.isclose(recorded, recomputed, rel_tol=CLOSE):
            yield Difference(f"{where}, {name}", repr(recorded), repr(recomputed))
    if again.reason is not trip.reason or again.message != trip.message:
        yield Difference(where, trip.message, again.message)


def _not_ready(where: str, rule: GuardRule, trip: Trip) -> Iterator[Difference]:
    state = GuardState(canary_ready=0, not_ready_for=trip.not_ready_for or 0.0)
    again = judged_by_guard(rule, state)
    if again is None or again.message != trip.message:
        said = "that does not end the step" if again is None else again.message
        yield Difference(where, trip.message, said)


def _number(trip: Trip, name: str) -> float:
    """Not tested is as good as certain: it ends nothing."""
    found = trip.p_primary if name == "p_primary" else trip.p_allowed
    return 1.0 if found is None else found


def _counted(where: str, request: ObserveRequest, seen: Observation) -> Iterator[Difference]:
    ticks, before = seen.evidence.ticks, request.failed_checks
    fails = sum(tick.verdict is Verdict.FAIL for tick in ticks)
    fewest = before + fails
    most = fewest + seen.ticks - len(ticks)
    if not fewest <= seen.failed_checks <= most:
        counted = str(fewest) if fewest == most else f"{fewest} to {most}"
        yield Difference(f"{where}, failed checks", str(seen.failed_checks), counted)


def _ending(where: str, request: ObserveRequest, seen: Observation) -> Iterator[Difference]:
    progress = ObserveProgress(
        ticks=seen.ticks,
        passes=_passes(request, seen),
        failed_checks=seen.failed_checks,
        evidence=seen.evidence,
        opened=tuple(answer.name for answer in seen.evidence.gate if answer.ok),
    )
    ending = tally.ended(request, progress)
    if ending is None or ending is not seen.ending:
        yield Difference(f"{where}, ending", seen.ending, str(ending or "not over"))
        return
    again = tally.conclude(request, progress, ending)
    for name in ("reason", "message"):
        recorded, recomputed = str(getattr(seen, name)), str(getattr(again, name))
        if recorded != recomputed:
            yield Difference(f"{where}, {name}", recorded, recomputed)


def _passes(request: ObserveRequest, seen: Observation) -> int:
    """Where not all ticks are kept: a step ends with the pass that is the last one needed."""
    ticks = seen.evidence.ticks
    if len(ticks) == seen.ticks:
        return sum(tick.verdict is Verdict.PASS for tick in ticks)
    return request.passes or 0 if seen.ending is Ending.PASSED else 0
