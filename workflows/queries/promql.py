"""How the built-in checks are counted, whatever the series are called.

A `Counted` names series by one selector or by several alternatives: the same series may carry other
labels where another Prometheus has scraped them. Alternatives are joined by `or`, so a series that
fits two of them still counts once.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counted:
    """Requests: which there are, and which of them failed (matchers, any of which will do)."""

    series: str
    selectors: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timed:
    """A histogram; `to_ms` makes milliseconds of its unit.

    With `or_mean`, the mean is asked for where the buckets are switched off.
    """

    series: str
    selectors: tuple[str, ...]
    to_ms: int = 1
    or_mean: bool = False


@dataclass(frozen=True, slots=True)
class Signals:
    """What a provider's series say about a canary."""

    requests: Counted
    durations: Timed


def success_rate(counted: Counted, window: str) -> str:
    """Percent that did not fail. Where nothing at all fails, or everything, is a number too."""
    failed = [f"{one},{other}" for one in counted.selectors for other in counted.failed]
    bad = _sum(counted.series, failed, window)
    every = _sum(counted.series, counted.selectors, window)
    return f"100 * (1 - ({bad} or vector(0)) / {every})"


def p99(timed: Timed, window: str) -> str:
    """The 99th percentile in milliseconds."""
    buckets = _rates(f"{timed.series}_bucket", timed.selectors, window)
    asked = f"histogram_quantile(0.99, sum by (le) ({buckets}))"
    if timed.or_mean:
        asked = f"({asked} or {_mean(timed, window)})"
    return asked if timed.to_ms == 1 else f"{timed.to_ms} * {asked}"


def _mean(timed: Timed, window: str) -> str:
    total = _sum(f"{timed.series}_sum", timed.selectors, window)
    return f"{total} / {_sum(f'{timed.series}_count', timed.selectors, window)}"


def _sum(series: str, selectors: Iterable[str], window: str) -> str:
    return f"sum({_rates(series, selectors, window)})"


def _rates(series: str, selectors: Iterable[str], window: str) -> str:
    return " or ".join(f"rate({series}{{{one}}}[{window}])" for one in selectors)
