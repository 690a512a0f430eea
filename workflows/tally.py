"""Counting an observation: what a tick's findings mean, and whether they end the step.

Called by `activities.analysis.observe` at every tick. All that it decides stands in
`ObserveProgress`, which is the activity's heartbeat: a worker that takes over after the last tick,
but before its result was recorded, comes to the same end without another tick.
"""

from collections.abc import Sequence

from workflows.errors import Reason
from workflows.judge import judge_measurement, judgement
from workflows.model.hook import HookAnswer, HookType
from workflows.model.live import Trip
from workflows.model.measurement import Measurement, Threshold, Verdict
from workflows.model.observation import (
    KEPT_TICKS,
    CheckResult,
    Ending,
    Evidence,
    Observation,
    ObserveProgress,
    ObserveRequest,
    Tick,
)
from workflows.model.plan import Analysis, Check
from workflows.model.value import Record


class Findings(Record):
    """What one tick found; `answers` are of hooks whose failure is a failed check."""

    at: float
    results: tuple[CheckResult, ...] = ()
    answers: tuple[HookAnswer, ...] = ()
    rollback: tuple[HookAnswer, ...] = ()
    gate: tuple[HookAnswer, ...] = ()


def begin(request: ObserveRequest) -> ObserveProgress:
    """An observation that has seen nothing; failed checks of earlier steps stay counted."""
    return ObserveProgress(failed_checks=request.failed_checks)


def first_tick_at(request: ObserveRequest, now: float) -> float:
    """Ask a gate at once; judge a canary after an interval of traffic, unless told otherwise."""
    at_once = request.at_once or bool(request.gate_hooks)
    return now if at_once else now + request.analysis.interval


def next_tick_at(due: float, started: float, interval: float) -> float:
    """Keep the beat while ticks are on time; after a long absence begin a new one, no burst."""
    on_time = abs(started - due) < interval / 2
    return (due if on_time else started) + interval


def judges(request: ObserveRequest, progress: ObserveProgress) -> bool:
    """Whether the coming tick runs checks.

    A gate is asked at once, and the step before it has just been judged: running its checks again
    in the same second would count one failure twice.
    """
    return progress.ticks > 0 or not request.gate_hooks


def judged(
    analysis: Analysis, checks: Sequence[Check], measurements: Sequence[Measurement]
) -> tuple[CheckResult, ...]:
    """Judge what was measured for each of some checks of an analysis."""
    return tuple(
        CheckResult(
            measurement=measurement,
            verdict=judge_measurement(measurement, check.threshold, analysis.no_data),
            threshold=check.threshold,
        )
        for check, measurement in zip(checks, measurements, strict=True)
    )


def verdict_of(results: Sequence[CheckResult], answers: Sequence[HookAnswer]) -> Verdict:
    """One verdict for a tick: the worst one, and nothing to judge is a pass."""
    verdicts = {result.verdict for result in results}
    if Verdict.FAIL in verdicts or not all(answer.ok for answer in answers):
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else Verdict.PASS


def count(progress: ObserveProgress, findings: Findings) -> ObserveProgress:
    """Take in one tick. However much fails in it, it is one failed check."""
    verdict = verdict_of(findings.results, findings.answers)
    tick = Tick(
        number=progress.ticks + 1,
        at=findings.at,
        verdict=verdict,
        results=findings.results,
        answers=(*findings.answers, *findings.rollback),
    )
    return progress.model_copy(
        update={
            "ticks": tick.number,
            "passes": progress.passes + (verdict is Verdict.PASS),
            "failed_checks": progress.failed_checks + (verdict is Verdict.FAIL),
            "evidence": _with_tick(progress.evidence, tick, findings.gate),
            "opened": tuple(answer.name for answer in findings.gate if answer.ok),
        }
    )


def tripped(progress: ObserveProgress, trip: Trip) -> ObserveProgress:
    """Keep what the guard found."""
    evidence = progress.evidence.model_copy(update={"trip": trip})
    return progress.model_copy(update={"evidence": evidence})


def drifted(progress: ObserveProgress) -> ObserveProgress:
    """Count routes that somebody else had changed."""
    evidence = progress.evidence.model_copy(update={"drift": progress.evidence.drift + 1})
    return progress.model_copy(update={"evidence": evidence})


def seeing(progress: ObserveProgress, blind: str | None) -> ObserveProgress:
    """Keep why the guard sees no requests; None if it does."""
    evidence = progress.evidence.model_copy(update={"blind": blind or ""})
    return progress.model_copy(update={"evidence": evidence})


def ended(request: ObserveRequest, progress: ObserveProgress) -> Ending | None:
    """Whether the step is over. What takes traffic back comes before what moves on."""
    if progress.evidence.trip is not None:
        return Ending.GUARD
    if _rollback_answers(progress):
        return Ending.ROLLBACK_HOOK
    if progress.ticks and progress.failed_checks >= request.analysis.threshold:
        return Ending.FAILED
    if _gate_is_open(request, progress):
        return Ending.GATE_OPEN
    if request.passes is not None and progress.passes >= request.passes:
        return Ending.PASSED
    return None


def conclude(request: ObserveRequest, progress: ObserveProgress, ending: Ending) -> Observation:
    """The result of an observation, with a reason that a person can act on."""
    reason, message = _why(request, progress, ending)
    return Observation(
        ending=ending,
        ticks=progress.ticks,
        failed_checks=progress.failed_checks,
        evidence=progress.evidence,
        reason=reason,
        message=message,
    )


def _with_tick(evidence: Evidence, tick: Tick, gate: tuple[HookAnswer, ...]) -> Evidence:
    failing = tick if tick.verdict is Verdict.FAIL else None
    kept = (*map(_without_bodies, evidence.ticks), tick)[-KEPT_TICKS:]
    return evidence.model_copy(
        update={
            "ticks": kept,
            "first_failure": evidence.first_failure or failing,
            "gate": gate,
        }
    )


def _without_bodies(tick: Tick) -> Tick:
    """Drop the bodies of a tick that is no longer the last: the heartbeat must stay small."""
    answers = tuple(answer.model_copy(update={"body": ""}) for answer in tick.answers)
    return tick.model_copy(update={"answers": answers})


def _rollback_answers(progress: ObserveProgress) -> tuple[HookAnswer, ...]:
    last = progress.evidence.ticks[-1:]
    answers = last[0].answers if last else ()
    return tuple(answer for answer in answers if answer.ok and answer.type is HookType.ROLLBACK)


def _gate_is_open(request: ObserveRequest, progress: ObserveProgress) -> bool:
    """Every hook said yes in the last tick, and the canary was well in that tick."""
    if not request.gate_hooks or not progress.ticks:
        return False
    gate, last = progress.evidence.gate, progress.evidence.ticks[-1]
    asked_all = len(gate) == len(request.gate_hooks)
    return asked_all and all(answer.ok for answer in gate) and last.verdict is Verdict.PASS


def _why(
    request: ObserveRequest, progress: ObserveProgress, ending: Ending
) -> tuple[Reason | None, str]:
    match ending:
        case Ending.GUARD if progress.evidence.trip is not None:
            return progress.evidence.trip.reason, progress.evidence.trip.message
        case Ending.ROLLBACK_HOOK:
            names = ", ".join(answer.name for answer in _rollback_answers(progress))
            return Reason.ROLLBACK_HOOK, f"rollback hook asked for a rollback: {names}"
        case Ending.FAILED:
            return _why_failed(request.analysis, progress)
        case Ending.GATE_OPEN:
            return None, f"gate opened by {', '.join(progress.opened)}"
        case _:
            return None, f"{progress.passes} of {progress.ticks} ticks passed"


def _why_failed(analysis: Analysis, progress: ObserveProgress) -> tuple[Reason, str]:
    tally = f"{progress.failed_checks} failed checks, {analysis.threshold} end the rollout"
    last = progress.evidence.ticks[-1]
    for result in last.results:
        if result.verdict is Verdict.FAIL:
            measurement = result.measurement
            said = judgement(measurement, _threshold_of(analysis, measurement.check))
            return measurement.reason or Reason.FAILED_CHECKS, f"{said} ({tally})"
    for answer in last.answers:
        if not answer.ok and answer.type is not HookType.ROLLBACK:
            return answer.reason or Reason.HOOK_FAILED, f"{answer.message} ({tally})"
    return Reason.FAILED_CHECKS, tally


def _threshold_of(analysis: Analysis, name: str) -> Threshold:
    named = (check.threshold for check in analysis.checks if check.metric.check == name)
    return next(named, Threshold())
