"""What each request of a rollout says about where its slot stands. Pure.

`worker.telling` asks it around every activity on a cluster, so that platforms need not report.
"""

from activities.kube.reporter import Standing
from workflows.model.observation import CheckResult, ObserveProgress, ObserveRequest
from workflows.model.plan import Routes
from workflows.model.requests import (
    EnsureRoutes,
    PromoteTarget,
    ReleaseTarget,
    StartCanary,
)
from workflows.model.status import Phase


def before(request: object) -> Standing | None:
    """What is so as soon as an activity with this request begins; None says nothing new."""
    match request:
        case StartCanary():
            return Standing(phase=Phase.PROGRESSING)
        case ObserveRequest(phase=phase):
            return Standing(phase=Phase(phase), failed_checks=request.failed_checks)
        case PromoteTarget():
            return Standing(phase=Phase.PROMOTING)
        case ReleaseTarget():
            return Standing(phase=Phase.TERMINATING)
        case _:
            return None


def routed(request: EnsureRoutes) -> Standing:
    """What is so once these routes are served."""
    return Standing(canary_weight=_weight(request.routes))


def ticked(request: ObserveRequest, progress: ObserveProgress) -> Standing:
    """What is so after a tick. Iterations are counted where users do not move by weight."""
    counted = request.traffic.match or request.routes.canary == 0
    return Standing(
        phase=Phase(request.phase),
        canary_weight=_weight(request.routes),
        iterations=progress.passes if counted else None,
        failed_checks=progress.failed_checks,
        measured=_measured(progress),
        message=_news(progress),
    )


def _weight(routes: Routes) -> int:
    return routes.canary


def _news(progress: ObserveProgress) -> str:
    """Words of the tick that failed, for the event; none for one that passed."""
    failure = progress.evidence.first_failure
    latest = progress.evidence.ticks[-1] if progress.evidence.ticks else None
    if failure is None or latest is None or latest.verdict == "pass":
        return ""
    said = [words(result) for result in latest.results if result.verdict != "pass"]
    return f"tick {latest.number} did not pass: {'; '.join(said) or 'a hook failed'}"


def _measured(progress: ObserveProgress) -> dict[str, float]:
    results = progress.evidence.ticks[-1].results if progress.evidence.ticks else ()
    found = [result.measurement for result in results]
    return {each.check: each.value for each in found if each.value is not None}


def words(result: CheckResult) -> str:
    """A check that did not pass, beside its limits."""
    measured, limits = result.measurement, result.threshold
    if measured.value is None:
        return f"{measured.check} {measured.outcome}"
    low = "" if limits.min is None else f" ≥ {limits.min:g}"
    high = "" if limits.max is None else f" ≤ {limits.max:g}"
    return f"{measured.check} {measured.value:g}, wanted{low}{high}"
