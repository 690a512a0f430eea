"""The two built-in checks on the local platform, answered from the router's own counters."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from activities.metrics.counters import ServiceCounters, Window
from activities.metrics.provider import Reading, down, invalid, no_data, value_of
from workflows.model.check_spec import DURATION, SUCCESS_RATE
from workflows.model.measurement import Measurement, MetricQuery
from workflows.model.provider import Provider

LOCAL = Provider.LOCAL.value
"""The provider of a MetricQuery that is answered here and not by the engine."""


def _milliseconds(counted: ServiceCounters) -> float | None:
    seconds = counted.quantile(0.99)
    return None if seconds is None else 1000 * seconds


_VALUES: Mapping[str, Callable[[ServiceCounters], float | None]] = MappingProxyType(
    {SUCCESS_RATE: lambda counted: counted.success_rate, DURATION: _milliseconds}
)


def measure_builtin(
    query: MetricQuery, service: str, window: Window | None, trouble: str | None
) -> Measurement:
    """`window` and `trouble` are the scraper's; the percentage, or the p99 in milliseconds."""
    reading = _reading(query.check, service, window, trouble)
    seconds = query.interval if window is None else window.seconds
    return Measurement(
        check=query.check,
        outcome=reading.outcome,
        value=reading.value,
        reason=reading.reason,
        message=reading.message,
        query=f"{query.check} of {service} over {seconds:.1f} s",
    )


def _reading(check: str, service: str, window: Window | None, trouble: str | None) -> Reading:
    if trouble is not None:
        return down(trouble)
    if check not in _VALUES:
        known = " and ".join(sorted(_VALUES))
        return invalid(f"there is no built-in check {check!r}; there are {known}")
    if window is None:
        return no_data("the router has not been looked at twice yet")
    counted = window.counted
    value = _VALUES[check](counted)
    if value is None:
        return no_data(f"{service} had no requests in the last {window.seconds:.1f} s")
    return value_of(value, f"{counted.requests} requests, {counted.failed} failed")
