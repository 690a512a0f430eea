"""Reads the metrics page of Traefik 3 into counters, every half second, for every service.

Parsing a page with Prometheus' own parser takes 40 µs a line, too long for that rhythm. Names and
labels of a series never change, so each is parsed once; after that only its number is read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from activities.metrics.counters import RouterCounters, ServiceCounters

_REQUESTS = "traefik_service_requests_total"
_BUCKET = "traefik_service_request_duration_seconds_bucket"
_WANTED = (_REQUESTS + "{", _BUCKET + "{")


@dataclass(frozen=True, slots=True)
class _Series:
    """What one line of the page counts: a bucket has a bound, a count of requests has none."""

    service: str
    failed: bool
    bound: float | None


@dataclass(slots=True)
class _Sums:
    requests: int = 0
    failed: int = 0
    buckets: dict[float, int] = field(default_factory=dict[float, int])

    def add(self, series: _Series, count: int) -> None:
        if series.bound is not None:
            self.buckets[series.bound] = self.buckets.get(series.bound, 0) + count
            return
        self.requests += count
        self.failed += count if series.failed else 0

    def frozen(self) -> ServiceCounters:
        bounds = tuple(sorted(self.buckets))
        buckets = tuple(self.buckets[bound] for bound in bounds)
        return ServiceCounters(self.requests, self.failed, bounds, buckets)


class TraefikPage:
    """Remembers the series of the last page; one for a router."""

    def __init__(self) -> None:
        self._series: Mapping[str, _Series] = {}

    def read(self, text: str) -> RouterCounters:
        """The counters of every service; ValueError if the page cannot be read."""
        if "traefik_" not in text:
            raise ValueError("this is no metrics page of Traefik")
        lines = [line.rpartition(" ") for line in text.splitlines() if line.startswith(_WANTED)]
        new = [name for name, _, _ in lines if name not in self._series]
        known = {**self._series, **dict(zip(new, _parsed(new), strict=True))}
        sums: dict[str, _Sums] = {}
        for name, _, number in lines:
            series = known[name]
            sums.setdefault(series.service, _Sums()).add(series, int(float(number)))
        self._series = {name: known[name] for name, _, _ in lines}
        return {service: found.frozen() for service, found in sums.items()}


def _parsed(names: Iterable[str]) -> list[_Series]:
    page = "".join(f"{name} 0\n" for name in names)
    families = text_string_to_metric_families(page)
    return [_series(sample.labels) for family in families for sample in family.samples]


def _series(labels: Mapping[str, str]) -> _Series:
    bound = labels.get("le")
    return _Series(
        service=labels.get("service", ""),
        failed=labels.get("code", "").startswith("5"),
        bound=None if bound is None else float(bound),
    )
