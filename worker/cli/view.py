"""Drawing a rollout's status: what `serinus status` and the demo show.

Pure: the same status, instant and width give the same picture. `picture` is for terminals and
for printing once; `news` gives the lines to print when two statuses follow one another.
"""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from worker.cli.checks import checks_table, guard_line
from workflows.approvals import asking
from workflows.model.approval import GateRule
from workflows.model.identity import Slot
from workflows.model.plan import Routes
from workflows.model.requests import Outcome
from workflows.model.status import Phase, RolloutStatus, StepState, StepStatus, Waiting

MARKS = {
    StepState.DONE: ("✓", "green"),
    StepState.NOW: ("●", "bold cyan"),
    StepState.NEXT: ("○", "dim"),
    StepState.SKIPPED: ("·", "dim"),
    StepState.STOPPED: ("✗", "red"),
}
BAD = frozenset({Phase.FAILED, Phase.ROLLING_BACK})
BAR = 40
REVISION_SHOWN = 10
GOOD_OUTCOMES = frozenset({Outcome.PROMOTED, Outcome.INITIALISED, Outcome.UNCHANGED})


def picture(status: RolloutStatus, now: float) -> RenderableType:
    """Draw everything a person may want to know."""
    parts: list[RenderableType] = [header(status, now), steps_table(status, now)]
    parts.append(weights_bar(status.routes))
    if checks := checks_table(status.evidence, status.failed_checks, status.threshold):
        parts.append(checks)
    if (guard := guard_line(status.evidence)) and not guard.endswith(status.message or "?"):
        parts.append(Text(guard, style="red"))
    if status.waiting:
        parts.append(waiting_lines(status, status.waiting, now))
    if status.paused:
        parts.append(Text(f"paused; go on with: serinus resume {arguments(status.slot)}", "yellow"))
    if status.queued:
        parts.append(Text(f"next: revision {short(status.queued)} waits for the end of this run"))
    if status.undo_owed:
        parts.append(Text(f"undo hooks owed: {', '.join(status.undo_owed)}", "yellow"))
    if ending := ending_line(status):
        parts.append(ending)
    return Group(*parts)


def header(status: RolloutStatus, now: float) -> Text:
    """`default/shop  release 3f2a1b → …`, the phase and the time."""
    style = "red" if status.phase in BAD else "bold"
    if status.outcome in GOOD_OUTCOMES:
        style = "green"
    promoted = f" (promoted: {short(status.promoted_revision)})" if status.promoted_revision else ""
    return Text.assemble(
        (status.slot.key, "bold"),
        f"  {status.kind} of {short(status.revision)}{promoted}  {status.strategy}  ",
        (str(status.phase), style),
        f"  {seconds((status.ended_at or now) - status.started_at)}"
        + (f" of {seconds(status.expectation.seconds)} planned" if status.expectation else ""),
    )


def steps_table(status: RolloutStatus, now: float) -> Table:
    """One row a step: mark, name, summary, planned and actual time."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "step", "what", "planned", "actual"):
        table.add_column(heading, justify="right" if heading in {"planned", "actual"} else "left")
    for step in status.steps:
        mark, style = MARKS[step.state]
        table.add_row(
            Text(mark, style),
            Text(step.name, style),
            Text(step.summary, "dim" if step.state is StepState.NEXT else ""),
            seconds(step.planned),
            seconds(spent(step, status.ended_at or now)),
        )
    return table


def spent(step: StepStatus, now: float) -> float | None:
    """How long a step took, or has taken until now."""
    if step.started_at is None:
        return None
    return max(0.0, (step.ended_at or now) - step.started_at)


def weights_bar(routes: Routes) -> Text:
    """Where users go, as a bar."""
    canary = round(BAR * routes.canary / 100)
    if routes.canary:
        canary = max(1, canary)
    mirrored = "  mirrored to the canary" if routes.mirrored else ""
    return Text.assemble(
        ("█" * (BAR - canary), "green"),
        ("█" * canary, "yellow") if routes.canary else "",
        f"  primary {routes.primary} %  canary {routes.canary} %{mirrored}",
    )


def waiting_lines(status: RolloutStatus, waiting: Waiting, now: float) -> Text:
    """Say what is waited for, and every way to answer."""
    by_hooks = waiting.hooks and waiting.rule == GateRule()
    hooks = f" (or hook {', '.join(waiting.hooks)} answers 2xx)" if by_hooks else ""
    asked = "".join(f"  {line}\n" for line in asking.waiting_lines(waiting))
    return Text(
        f"waiting for people since {seconds(now - waiting.since)}: "
        f"{waiting.gate} at step {waiting.step}{hooks}\n{asked}"
        f"  serinus approve {arguments(status.slot)} --step {waiting.step}\n"
        f"  serinus reject {arguments(status.slot)} --step {waiting.step}\n"
        f"  temporal workflow update execute -w {status.workflow_id} --name approve",
        "yellow",
        overflow="fold",
    )


def ending_line(status: RolloutStatus) -> Text | None:
    """The outcome and its reason, once there is one."""
    if status.outcome is None and status.reason is None:
        return None
    style = "green" if status.outcome in GOOD_OUTCOMES else "red"
    return Text(ending_text(status), style)


def ending_text(status: RolloutStatus) -> str:
    """Say the outcome and its reason in one line."""
    words = str(status.outcome) if status.outcome else "will be taken back"
    if status.reason:
        words += f": {status.reason}"
    return f"{words}: {status.message}" if status.message else words


def status_line(status: RolloutStatus) -> str:
    """The whole in one line: what a verb answers."""
    known = f" {short(status.revision)}" if status.revision else ""
    line = f"{status.slot.key}{known} {status.phase}"
    if status.outcome is None and status.position < len(status.steps):
        line += f", step {status.steps[status.position].name}"
    line += f", primary {status.routes.primary} % canary {status.routes.canary} %"
    if status.paused:
        line += ", paused"
    if status.waiting:
        line += f", waiting for {status.waiting.gate}"
        if status.waiting.rule.quorum > 1:
            line += f" ({len(status.waiting.given)} of {status.waiting.rule.quorum} approvals)"
    if status.outcome or status.reason:
        line += f", {ending_text(status)}"
    return line


def arguments(slot: Slot) -> str:
    """The slot as arguments of a command."""
    return slot.name if slot.namespace == "default" else f"{slot.name} -n {slot.namespace}"


def short(revision: str | None) -> str:
    """A revision as people recognise it."""
    return (revision or "?")[:REVISION_SHOWN]


def seconds(span: float | None) -> str:
    """A span as people say it: `4.2 s`, `12 m 05 s`, `3 h 02 m`."""
    if span is None:
        return ""
    if span < 60:
        return f"{span:.1f} s"
    minutes, rest = divmod(round(span), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m"


def clock(at: float) -> str:
    """An instant as people in this place read it."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")
