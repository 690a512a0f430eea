"""What each request of a rollout says about where its slot stands. Pure.

`worker.telling` asks it around every activity on a cluster, so that platforms need not report.
"""

from activities.kube.reporter import Standing
from workflows.model.observation import ObserveProgress, ObserveRequest
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
    return f"{progress.failed_checks} failed checks: tick {latest.number} did not pass"
