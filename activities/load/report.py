"""What a load test measured, how it reads, and whether it broke a limit.

Made by `activities.load.tally`, printed by `serinus load`, kept by the load tester. Pure.
"""

from collections.abc import Iterator, Mapping

from pydantic import computed_field

from workflows.model.value import Record

SERVER_ERROR = 500


class Latency(Record):
    """Seconds from when a request was due to the end of its answer."""

    min: float
    mean: float
    p50: float
    p75: float
    p90: float
    p95: float
    p99: float
    max: float


class LoadReport(Record):
    """The whole of one load test. Times are seconds.

    `errors` counts requests without an answer by kind, `statuses` the answers by status code.
    `unsent` requests were due but every worker was busy until the end: the target did not keep up.
    `latency` is of answers and of requests that timed out; `None` when there was neither.
    """

    url: str
    requests: int
    elapsed: float
    asked_rate: float | None = None
    errors: Mapping[str, int] = {}
    statuses: Mapping[int, int] = {}
    unsent: int = 0
    received_bytes: int = 0
    latency: Latency | None = None
    stopped: bool = False

    @computed_field  # type: ignore[prop-decorator]
    @property
    def rps(self) -> float:
        """Requests per second over the whole run."""
        return self.requests / self.elapsed if self.elapsed > 0 else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def failed(self) -> int:
        """Requests without an answer or with a 5xx: the same that the built-in check counts."""
        refused = sum(count for status, count in self.statuses.items() if status >= SERVER_ERROR)
        return sum(self.errors.values()) + refused

    @computed_field  # type: ignore[prop-decorator]
    @property
    def error_rate(self) -> float:
        """Percent of requests that failed."""
        return 100 * self.failed / self.requests if self.requests else 0.0

    def breaches(
        self, max_error_rate: float | None = None, max_p99: float | None = None
    ) -> tuple[str, ...]:
        """A sentence for each limit that is broken; a limit nothing was measured for is broken."""
        return tuple(self._breaches(max_error_rate, max_p99))

    def _breaches(self, max_error_rate: float | None, max_p99: float | None) -> Iterator[str]:
        if max_error_rate is not None and not self.requests:
            yield "no request was sent, so the error rate is not known"
        if max_error_rate is not None and self.error_rate > max_error_rate:
            yield f"{self.error_rate:.3g} % of requests failed, allowed are {max_error_rate:g} %"
        if max_p99 is not None and self.latency is None:
            yield "no request was answered, so p99 is not known"
        if max_p99 is not None and self.latency is not None and self.latency.p99 > max_p99:
            yield f"p99 is {_time(self.latency.p99)}, allowed is {_time(max_p99)}"


def render(report: LoadReport) -> str:
    """The report as people read it in a terminal."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: LoadReport) -> Iterator[str]:
    asked = f" (asked {report.asked_rate:g})" if report.asked_rate else ""
    yield f"Load on {report.url}" + (" (stopped early)" if report.stopped else "")
    yield f"  requests      {report.requests} in {report.elapsed:.2f} s"
    yield f"  rate          {report.rps:.1f} requests/s{asked}"
    yield f"  failed        {report.failed} ({report.error_rate:.3g} %)"
    if report.unsent:
        yield f"  not sent      {report.unsent}: every worker was busy, the target did not keep up"
    yield f"  received      {report.received_bytes} bytes"
    if report.latency is not None:
        yield from _section("Latency", _latencies(report.latency))
    yield from _section("Status codes", {str(code): n for code, n in report.statuses.items()})
    yield from _section("No answer", {kind: str(n) for kind, n in report.errors.items()})


def _section(title: str, rows: Mapping[str, object]) -> Iterator[str]:
    if rows:
        yield ""
        yield title
    width = max((len(name) for name in rows), default=0)
    for name, value in rows.items():
        yield f"  {name:<{width}}  {value}"


def _latencies(latency: Latency) -> Mapping[str, str]:
    return {name: _time(seconds) for name, seconds in latency if isinstance(seconds, float)}


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.2f} ms"
