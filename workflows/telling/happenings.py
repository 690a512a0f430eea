"""What a rollout tells the event hooks of its Canary: each step, and how it ends. Pure.

The words are near Flagger's, which some people match on; they are not promised to stay.
"""

from collections.abc import Collection, Iterator

from workflows.model.announcement import Event
from workflows.model.plan import Ask, Observe, Plan, PlanKind, Step
from workflows.model.requests import Outcome
from workflows.model.status import RolloutStatus

_ENDED = {
    Outcome.PROMOTED: "Promotion completed! Canary analysis completed for {name}",
    Outcome.INITIALISED: "Initialization done! {name}",
    Outcome.REVERTED: "Reverted! {name} is served by its own target again",
    Outcome.ROLLED_BACK: "Canary failed! {name} was rolled back: {why}",
    Outcome.WITHDRAWN: "Canary withdrawn! {name} was rolled back: {why}",
    Outcome.SUPERSEDED: "Canary superseded! {name} was rolled back: {why}",
}
_BAD = frozenset({Outcome.ROLLED_BACK, Outcome.WITHDRAWN, Outcome.SUPERSEDED})


def happenings(
    plan: Plan, status: RolloutStatus, run_id: str, told: Collection[str], at: float
) -> Iterator[Event]:
    """The events of this status that were not told before."""
    for state, message, warning in _true_of(plan, status):
        key = f"{run_id}/event/{state}"
        if key not in told:
            yield Event(key=key, at=at, phase=status.phase, message=message, warning=warning)


def _true_of(plan: Plan, status: RolloutStatus) -> Iterator[tuple[str, str, bool]]:
    name = f"{status.slot.name}.{status.slot.namespace}"
    if plan.kind is PlanKind.RELEASE:
        yield "started", f"New revision detected! Scaling up {name}", False
    if status.reason is not None:
        yield "restore", f"Rolling back {name}: {status.message or status.reason}", True
    elif status.outcome is None and status.position < len(plan.steps):
        step = plan.steps[status.position]
        gate = isinstance(step, Ask)
        if not gate or status.waiting is not None:
            yield f"step/{step.name}", _begun(step, name), gate
    if status.outcome is not None and status.outcome in _ENDED:
        words = _ENDED[status.outcome].format(name=name, why=status.message or status.reason)
        yield "ended", words, status.outcome in _BAD


_PLAIN = {
    "start": "Starting canary analysis for {name}",
    "promote": "Copying {name} template spec to the primary",
    "shift": "Routing all traffic to the primary of {name}",
    "finish": "Scaling down {name}",
    "adopt": "Initializing {name}",
}
"""By kind of step."""


def _begun(step: Step, name: str) -> str:
    match step:
        case Ask(gate=gate):
            return f"Halt {name} advancement waiting for approval {gate}"
        case Observe(routes=routes, analysed=True) if routes.mirrored:
            return f"Starting to mirror requests to {name}"
        case Observe(routes=routes, analysed=True):
            return f"Advance {name} canary weight {routes.canary}"
        case _:
            plain = _PLAIN.get(step.kind)
            return plain.format(name=name) if plain else f"{name}: {step.summary}"
