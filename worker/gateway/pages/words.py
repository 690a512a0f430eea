"""Numbers, spans and instants as the page writes them. Pure; the templates' filters."""

from datetime import UTC, datetime

from worker.cli.view import seconds, short
from workflows.model.identity import Slot
from workflows.model.measurement import Threshold

NBSP = "\N{NO-BREAK SPACE}"


def span(length: float | None) -> str:
    """A span as people say it, on one line; empty for none."""
    return seconds(length).replace(" ", NBSP)


def rounded_span(length: float | None) -> str:
    """The same in whole seconds: for what is shown while it grows."""
    if length is None:
        return ""
    return span(length) if length >= 60 else f"{max(0, round(length))}{NBSP}s"


def iso(at: float) -> str:
    """An instant for machines; the script turns it into the reader's own clock."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(at: float) -> str:
    """An instant for people, until the script has made it theirs."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")


def day(at: float) -> str:
    """The same with its day."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def number(value: float | None) -> str:
    """Four digits are enough to see whether a limit was kept."""
    return "none" if value is None else f"{value:.4g}"


def limits(threshold: Threshold) -> str:
    """`99 to 100`, or the one limit there is."""
    match threshold.min, threshold.max:
        case None, None:
            return "no limit"
        case low, None:
            return f"at least {low:g}"
        case None, high:
            return f"at most {high:g}"
        case low, high:
            return f"{low:g} to {high:g}"


def place(slot: Slot) -> str:
    """A slot in an address."""
    return f"{slot.cluster}/{slot.namespace}/{slot.name}"


FILTERS = {
    "span": span,
    "rounded_span": rounded_span,
    "iso": iso,
    "clock": clock,
    "day": day,
    "number": number,
    "limits": limits,
    "place": place,
    "short": short,
}
