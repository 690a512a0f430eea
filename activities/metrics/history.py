"""The scrapes of the last ten minutes, kept so that restarts of the router do not show.

Counters of a router fall to zero when it restarts, or when a service goes and comes again. Each
scrape is therefore added up at once; what is kept only ever grows, so any two scrapes may be
subtracted, however many between them have been dropped.
"""

from collections import deque

from activities.metrics.counters import NOTHING, RouterCounters, Scrape, Window

KEPT_SECONDS = 600.0
FULL_SECONDS = 150.0
"""Every scrape of this time is kept; the guard wants two minutes of them."""
THINNED_SECONDS = 5.0
LONGEST_GAP = 10.0
"""After a longer time without a scrape, what was before says nothing about now."""


class History:
    """Grows by `add`; everything else only reads."""

    def __init__(self) -> None:
        self._raw: RouterCounters = {}
        self._recent: deque[Scrape] = deque()
        self._old: deque[Scrape] = deque()

    def add(self, at: float, counters: RouterCounters) -> Scrape:
        """Take in what the router says now; gives it back with restarts added up."""
        latest = self.latest() or Scrape(at, {})
        total = dict(latest.counters)
        for service, now in counters.items():
            before = self._raw.get(service, NOTHING)
            if now != before or service not in total:
                total[service] = latest.of(service).plus(now.since(before))
        if at - latest.at > LONGEST_GAP or _other_bounds(latest, counters):
            self._old.clear()
            self._recent.clear()
        self._raw = counters
        self._recent.append(Scrape(at, total))
        self._thin(at)
        return self._recent[-1]

    def latest(self) -> Scrape | None:
        return self._recent[-1] if self._recent else None

    def reaches(self, at: float) -> bool:
        """Whether there was a scrape at or before a time."""
        oldest = self._old or self._recent
        return bool(oldest) and oldest[0].at <= at

    def since(self, at: float) -> tuple[Scrape, ...]:
        """What is kept of the scrapes at or after a time, oldest first."""
        return tuple(scrape for scrape in (*self._old, *self._recent) if scrape.at >= at)

    def window(self, service: str, seconds: float, since: float | None = None) -> Window | None:
        """The last `seconds`, or what there is of them from `since` on; None before two scrapes.

        It starts at the scrape nearest to that time: scrapes jitter, and old ones are thinned.
        """
        if (latest := self.latest()) is None:
            return None
        start = latest.at - seconds
        kept = self.since(start - LONGEST_GAP if since is None else since)
        base = min(kept, key=lambda scrape: abs(scrape.at - start), default=latest)
        if base is latest:
            return None
        counted = latest.of(service).since(base.of(service))
        return Window(service, latest.at - base.at, counted)

    def _thin(self, now: float) -> None:
        while self._recent[0].at < now - FULL_SECONDS and len(self._recent) > 1:
            aged = self._recent.popleft()
            if not self._old or aged.at >= self._old[-1].at + THINNED_SECONDS:
                self._old.append(aged)
        while self._old and self._old[0].at < now - KEPT_SECONDS:
            self._old.popleft()


def _other_bounds(latest: Scrape, counters: RouterCounters) -> bool:
    """The router was restarted with other buckets: old histograms are of no use."""
    return any(latest.of(name).has_other_bounds(now) for name, now in counters.items())
