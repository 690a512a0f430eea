"""Reads metrics pages into counters, every half second, for every service.

Parsing a page with Prometheus' own parser takes 40 µs a line, too long for that rhythm. Names and
labels of a series never change, so each is parsed once; after that only its number is read.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from activities.metrics.counters import RouterCounters, ServiceCounters

_REQUESTS = "traefik_service_requests_total"
_BUCKET = "traefik_service_request_duration_seconds_bucket"


@dataclass(frozen=True, slots=True)
class Series:
    """What one line of the page counts: a bucket has a bound, a count of requests has none."""

    service: str
    failed: bool
    bound: float | None = None


Reader = Callable[[str, Mapping[str, str]], Series | None]
"""What the name and labels of a series say; None for one that does not count."""


@dataclass(slots=True)
class _Sums:
    requests: int = 0
    failed: int = 0
    buckets: dict[float, int] = field(default_factory=dict[float, int])

    def add(self, series: Series, count: int) -> None:
        if series.bound is not None:
            self.buckets[series.bound] = self.buckets.get(series.bound, 0) + count
            return
        self.requests += count
        self.failed += count if series.failed else 0

    def frozen(self) -> ServiceCounters:
        bounds = tuple(sorted(self.buckets))
        buckets = tuple(self.buckets[bound] for bound in bounds)
        return ServiceCounters(self.requests, self.failed, bounds, buckets)


class Page:
    """Remembers the series of the last page; one for a server that is scraped."""

    def __init__(self, wanted: Iterable[str], reader: Reader) -> None:
        self._wanted = tuple(f"{name}{end}" for name in wanted for end in "{ ")
        self._reader = reader
        self._series: Mapping[str, Series | None] = {}

    def read(self, text: str) -> RouterCounters:
        """The counters of every service; ValueError if the page cannot be read."""
        lines = [_split(line) for line in text.splitlines() if line.startswith(self._wanted)]
        new = [name for name, _ in lines if name not in self._series]
        known = {**self._series, **dict(zip(new, self._parsed(new), strict=True))}
        sums: dict[str, _Sums] = {}
        for name, number in lines:
            if (series := known[name]) is not None:
                sums.setdefault(series.service, _Sums()).add(series, int(float(number)))
        self._series = {name: known[name] for name, _ in lines}
        return {service: found.frozen() for service, found in sums.items()}

    def _parsed(self, names: Iterable[str]) -> list[Series | None]:
        page = "".join(f"{name} 0\n" for name in names)
        families = text_string_to_metric_families(page)
        samples = [sample for family in families for sample in family.samples]
        return [self._reader(sample.name, sample.labels) for sample in samples]


class TraefikPage(Page):
    """The page of Traefik 3; services as it names them."""

    def __init__(self) -> None:
        super().__init__((_REQUESTS, _BUCKET), _traefik)

    def read(self, text: str) -> RouterCounters:
        if "traefik_" not in text:
            raise ValueError("this is no metrics page of Traefik")
        return super().read(text)


def _traefik(_name: str, labels: Mapping[str, str]) -> Series:
    bound = labels.get("le")
    return Series(
        service=labels.get("service", ""),
        failed=labels.get("code", "").startswith("5"),
        bound=None if bound is None else float(bound),
    )


def _split(line: str) -> tuple[str, str]:
    """Name with labels, and the number; a time may follow it."""
    head, closed, tail = line.rpartition("} ")
    name, _, tail = (f"{head}}}", "", tail) if closed else line.partition(" ")
    return name, tail.split(maxsplit=1)[0]
