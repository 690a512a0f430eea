"""What changed between two statuses, as plain lines: the live view without a terminal.

Pure; used by `worker.cli.follow` and the demo.
"""

from collections.abc import Iterator

from worker.cli.checks import check_text, guard_line
from worker.cli.view import ending_text, seconds, short, spent
from workflows.model.observation import Tick
from workflows.model.status import Entry, RolloutStatus, StepState, StepStatus


def news(before: RolloutStatus | None, after: RolloutStatus) -> list[str]:
    """The lines to print when `after` follows `before`; none when nothing changed."""
    if before is not None and before.run_id != after.run_id:
        before = None
    return [f"{after.slot.key} {line}" for line in _changes(before, after)]


def _changes(before: RolloutStatus | None, after: RolloutStatus) -> Iterator[str]:
    if after.revision and not (before and before.revision):
        yield f"{after.kind} of {short(after.revision)} ({after.strategy})"
    yield from _ticks(before, after)
    for entry in _new_entries(before, after):
        yield _entry(entry, after)
    yield from _steps(before, after)
    if after.waiting and (before is None or before.waiting != after.waiting):
        yield f"waits for people: {after.waiting.gate}, step {after.waiting.step}"
    if before is not None and before.phase != after.phase:
        yield f"{before.phase} -> {after.phase}"
    if after.outcome and (before is None or before.outcome is None):
        yield ending_text(after) if _unsaid(after.message, after) else f"{after.outcome}"


def _entry(entry: Entry, status: RolloutStatus) -> str:
    detail = entry.detail if _unsaid(entry.detail, status) else ""
    return f"{entry.actor or 'serinus'}: {entry.action} {detail}".rstrip()


def _unsaid(text: str, status: RolloutStatus) -> bool:
    """Whether a text is more than what the line about the guard said already."""
    found = status.evidence.trip if status.evidence else None
    return found is None or found.message != text


def _steps(before: RolloutStatus | None, after: RolloutStatus) -> Iterator[str]:
    known = {step.name: step.state for step in before.steps} if before else {}
    for step in after.steps:
        if known.get(step.name, StepState.NEXT) is not step.state:
            yield from _step(step, after)


def _step(step: StepStatus, status: RolloutStatus) -> Iterator[str]:
    match step.state:
        case StepState.NOW:
            yield f"step {step.name}: {step.summary} (canary {status.routes.canary} %)"
        case StepState.DONE:
            took = spent(step, status.started_at)
            planned = f", planned {seconds(step.planned)}" if step.planned is not None else ""
            yield f"step {step.name} done in {seconds(took)}{planned}"
        case StepState.STOPPED:
            known = step.ended_at or status.ended_at
            yield f"step {step.name} left" + (
                f" after {seconds(spent(step, known))}" if known else ""
            )
        case StepState.SKIPPED | StepState.NEXT:
            return


def _ticks(before: RolloutStatus | None, after: RolloutStatus) -> Iterator[str]:
    if after.evidence is None:
        return
    old = before.evidence if before and before.evidence else None
    seen = {tick.at for tick in old.ticks} if old else set[float]()
    for tick in after.evidence.ticks:
        if tick.at not in seen:
            yield _tick(tick)
    if (found := guard_line(after.evidence)) and found != guard_line(old):
        yield found


def _tick(tick: Tick) -> str:
    results = ", ".join(check_text(result) for result in tick.results) or "no checks"
    return f"tick {tick.number} {tick.verdict}: {results}"


def _new_entries(before: RolloutStatus | None, after: RolloutStatus) -> tuple[Entry, ...]:
    last = before.entries[-1].at if before and before.entries else float("-inf")
    return tuple(entry for entry in after.entries if entry.at > last)
