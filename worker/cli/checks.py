"""Drawing evidence: the checks of the last tick and what the guard found. Used by `cli.view`."""

from rich.table import Table
from rich.text import Text

from workflows.model.hook import HookAnswer
from workflows.model.measurement import Measurement, Threshold, Verdict
from workflows.model.observation import CheckResult, Evidence

VERDICTS = {
    Verdict.PASS: ("pass", "green"),
    Verdict.FAIL: ("fail", "red"),
    Verdict.INCONCLUSIVE: ("undecided", "yellow"),
}
HEADINGS = ("value", "limits", "verdict", "why")
WHY = 80


def checks_table(evidence: Evidence | None, failed: int, threshold: int) -> Table | None:
    """One row a check or hook of the last tick; nothing before the first tick."""
    if evidence is None or not evidence.ticks:
        return None
    tick = evidence.ticks[-1]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in (f"tick {tick.number}", *HEADINGS):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for result in tick.results:
        measured = result.measurement
        limit = limits(result.threshold)
        table.add_row(measured.check, value(measured), limit, verdict(result.verdict), why(result))
    for answer in tick.answers:
        called = Verdict.PASS if answer.ok else Verdict.FAIL
        table.add_row(answer.name, str(answer.status or "-"), "2xx", verdict(called), words(answer))
    table.caption = Text(f"failed checks: {failed} of {threshold}", "red" if failed else "dim")
    table.caption_justify = "left"
    return table


def verdict(judged: Verdict) -> Text:
    """A verdict in its colour."""
    return Text(*VERDICTS[judged])


def value(measurement: Measurement) -> str:
    """The number, or why there is none."""
    if measurement.value is None:
        return str(measurement.outcome)
    return f"{measurement.value:.4g}"


def limits(threshold: Threshold) -> str:
    """`99 to 100`, or the one limit there is."""
    match threshold.min, threshold.max:
        case None, None:
            return ""
        case low, None:
            return f"≥ {low:g}"
        case None, high:
            return f"≤ {high:g}"
        case low, high:
            return f"{low:g} to {high:g}"


def why(result: CheckResult) -> str:
    """What the provider said, where it said anything."""
    return cut(result.measurement.message)


def words(answer: HookAnswer) -> str:
    """What a hook said."""
    return cut(answer.message or answer.body)


def cut(text: str) -> str:
    """One line that fits beside the rest."""
    line = " ".join(text.split())
    return line if len(line) <= WHY else line[: WHY - 1] + "…"


def guard_line(evidence: Evidence | None) -> str:
    """What the guard found, if it ended the step, or why it sees no requests."""
    if evidence is None:
        return ""
    if evidence.trip is not None:
        return f"guard: {evidence.trip.message}"
    return f"guard: sees no requests: {evidence.blind}" if evidence.blind else ""


def check_text(result: CheckResult) -> str:
    """`request-success-rate 99.8 pass`: a check in a line of a log."""
    measured = result.measurement
    return f"{measured.check} {value(measured)} {VERDICTS[result.verdict][0]}"
