"""Counts what a load test sees, in bounded memory; the generator fills it, `report` reads it.

Counts, mean and extremes are of all requests. Percentiles and the csv come from single samples:
all of them up to `SAMPLES`, from there on an even random choice (reservoir) of that many.
"""

import csv
import io
import random
from array import array
from collections import Counter
from math import ceil, inf

from activities.load.options import LoadOptions
from activities.load.report import Latency, LoadReport

SAMPLES = 1_000_000
NO_STATUS = 0


class Tally:
    """Everything measured so far."""

    def __init__(self, limit: int = SAMPLES) -> None:
        self.requests = 0
        self.failed = 0
        self._limit = limit
        self._errors: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._bytes = 0
        self._measured = 0
        self._total = 0.0
        self._min, self._max = inf, 0.0
        self._took = array("d")
        self._offset = array("d")
        self._status = array("H")
        self._choice = random.Random(0)  # noqa: S311  which sample to keep, not a secret

    def answered(self, status: int, took: float, offset: float, size: int) -> None:
        """Count an answer; `offset` is when it was due, from the start."""
        self.requests += 1
        self.failed += status >= 500
        self._statuses[status] += 1
        self._bytes += size
        self._measure(status, took, offset)

    def unanswered(self, kind: str) -> None:
        """Count a request that got no answer."""
        self.requests += 1
        self.failed += 1
        self._errors[kind] += 1

    def timed_out(self, took: float, offset: float) -> None:
        """Count a request given up; its wait belongs to the latencies, or p99 would flatter."""
        self.unanswered("timeout")
        self._measure(NO_STATUS, took, offset)

    def _measure(self, status: int, took: float, offset: float) -> None:
        self._measured += 1
        self._total += took
        self._min, self._max = min(self._min, took), max(self._max, took)
        if self._measured <= self._limit:
            self._took.append(took)
            self._offset.append(offset)
            self._status.append(status)
        elif (kept := self._choice.randrange(self._measured)) < self._limit:
            self._took[kept], self._offset[kept], self._status[kept] = took, offset, status

    def report(
        self, options: LoadOptions, elapsed: float, *, unsent: int = 0, stopped: bool = False
    ) -> LoadReport:
        """The report of what was counted."""
        return LoadReport(
            url=options.url,
            requests=self.requests,
            elapsed=elapsed,
            asked_rate=options.asked_rate,
            errors=dict(self._errors.most_common()),
            statuses=dict(sorted(self._statuses.items())),
            unsent=unsent,
            received_bytes=self._bytes,
            latency=self._latency(),
            stopped=stopped,
        )

    def _latency(self) -> Latency | None:
        if not self._measured:
            return None
        ordered = sorted(self._took)
        return Latency(
            min=self._min,
            mean=self._total / self._measured,
            p50=_percentile(ordered, 50),
            p75=_percentile(ordered, 75),
            p90=_percentile(ordered, 90),
            p95=_percentile(ordered, 95),
            p99=_percentile(ordered, 99),
            max=self._max,
        )

    def csv(self) -> str:
        """One row a measured request in the order due, under hey's names for the columns."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("response-time", "status-code", "offset"))
        order = sorted(range(len(self._took)), key=self._offset.__getitem__)
        rows.writerows(
            (f"{self._took[i]:.4f}", self._status[i], f"{self._offset[i]:.4f}") for i in order
        )
        return text.getvalue()


def _percentile(ordered: list[float], percent: int) -> float:
    """The nearest rank: the smallest value that `percent` of all values do not exceed."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]
