"""What a router has counted for one service, and what that says about its users.

Values of this module never leave the worker: measurements and looks do.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class ServiceCounters:
    """Counters since some start. `buckets[i]` counts requests that took at most `bounds[i]` s."""

    requests: int = 0
    failed: int = 0
    bounds: tuple[float, ...] = ()
    buckets: tuple[int, ...] = ()

    def since(self, before: "ServiceCounters") -> "ServiceCounters":
        """What was counted after `before`. A counter that fell has restarted from zero.

        A page is not written at one instant, so counts and histogram are looked at separately.
        """
        succeeded = (self.requests - self.failed) - (before.requests - before.failed)
        fell = succeeded < 0 or self.failed < before.failed
        return ServiceCounters(
            self.requests - (0 if fell else before.requests),
            self.failed - (0 if fell else before.failed),
            self.bounds,
            self._buckets_since(before),
        )

    def plus(self, more: "ServiceCounters") -> "ServiceCounters":
        """Both together; a histogram with other bounds starts afresh."""
        bounds, buckets = more.bounds or self.bounds, more.buckets or self.buckets
        if self.bounds == more.bounds:
            buckets = tuple(a + b for a, b in zip(self.buckets, more.buckets, strict=True))
        return ServiceCounters(
            self.requests + more.requests, self.failed + more.failed, bounds, buckets
        )

    def has_other_bounds(self, other: "ServiceCounters") -> bool:
        """Whether the histograms, where both have one, cannot be compared."""
        return bool(self.bounds and other.bounds) and self.bounds != other.bounds

    def _buckets_since(self, before: "ServiceCounters") -> tuple[int, ...]:
        if self.bounds != before.bounds:
            return self.buckets
        more = tuple(now - then for now, then in zip(self.buckets, before.buckets, strict=True))
        fell = any(one > next_ for one, next_ in pairwise((0, *more)))
        return self.buckets if fell else more

    @property
    def success_rate(self) -> float | None:
        """Percent of requests that did not fail; None without requests."""
        if not self.requests:
            return None
        return 100 * (self.requests - self.failed) / self.requests

    def quantile(self, q: float) -> float | None:
        """Seconds, interpolated in its bucket as Prometheus' histogram_quantile does."""
        return quantile(q, self.bounds, self.buckets)


NOTHING = ServiceCounters()

RouterCounters = Mapping[str, ServiceCounters]
"""Services as the router names them, such as `default-shop-canary@file`."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What a router had counted at a time of the monotonic clock."""

    at: float
    counters: RouterCounters

    def of(self, service: str) -> ServiceCounters:
        """A service the router has not named yet has had no requests."""
        return self.counters.get(service, NOTHING)


@dataclass(frozen=True, slots=True)
class Window:
    """What happened to one service during the last `seconds`."""

    service: str
    seconds: float
    counted: ServiceCounters


def quantile(q: float, bounds: tuple[float, ...], buckets: tuple[int, ...]) -> float | None:
    """`buckets` are cumulative and the last bound is infinite; None where nothing is known."""
    if len(bounds) < 2 or not math.isinf(bounds[-1]) or buckets[-1] == 0:
        return None
    rank = q * buckets[-1]
    at = next(position for position, count in enumerate(buckets) if count >= rank)
    if at == len(bounds) - 1:
        return bounds[-2]
    if at == 0 and bounds[0] <= 0:
        return bounds[0]
    low, below = (bounds[at - 1], buckets[at - 1]) if at else (0.0, 0)
    inside = buckets[at] - below
    return low + (bounds[at] - low) * ((rank - below) / inside if inside else 0.0)
