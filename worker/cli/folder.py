"""What the state folder says of a target; it can be read when Temporal cannot. For `cli.look`."""

from collections.abc import Iterator

from activities.claims import PastRun
from activities.local.home import Home
from activities.local.state import Copies, TargetState, TargetStore
from worker.cli.view import clock, short
from worker.settings import Settings
from workflows.model.identity import Slot


async def target_state(settings: Settings, slot: Slot) -> TargetState:
    """Read the state of one target."""
    return await TargetStore(Home(settings.home)).read(slot)


def target_lines(state: TargetState) -> Iterator[str]:
    """Say what is known of a target, a line each."""
    if state == TargetState():
        yield "nothing is known of this target"
        return
    yield f"promoted revision: {short(state.promoted_revision)}"
    if state.routes:
        yield f"routes: primary {state.routes.primary} %, canary {state.routes.canary} %"
    yield from _copies("primary", state.primary)
    yield from _copies("canary", state.canary)
    if state.claim:
        yield f"held by run {state.claim.run_id}, step {state.step or 'none yet'}"
    if state.history:
        yield f"last: {past_line(state.history[-1])}"


def past_line(run: PastRun) -> str:
    """How a run ended, in a line."""
    reason = f": {run.reason}: {run.message}" if run.reason else ""
    return f"{clock(run.ended_at)} {short(run.revision)} {run.outcome}{reason}"


def _copies(role: str, copies: Copies | None) -> Iterator[str]:
    if copies is not None:
        ports = ", ".join(map(str, copies.ports))
        yield f"{role}: revision {short(copies.revision)} on ports {ports}"
