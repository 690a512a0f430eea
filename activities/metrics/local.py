"""Checks and live counters of the local platform, from one scraper and one engine.

The worker hands it to `activities.analysis.observe` as both its `Checks` and its `LiveCounters`.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise

from activities.metrics.builtin import LOCAL, measure_builtin
from activities.metrics.counters import Scrape, ServiceCounters
from activities.metrics.engine import MetricsEngine
from activities.metrics.scraper import Scraper
from workflows.model.identity import Slot
from workflows.model.live import Counts, Look, Totals, counters_to_look
from workflows.model.measurement import Measurement, Outcome
from workflows.model.plan import Check, Traffic

HISTORY_SECONDS = 120.0
JUST_NOW = 1.0
"""Seconds; what the router had counted so shortly before a step is where the step began."""


LONGEST_BLIND = 300.0
"""Seconds; a check that is about more need not have been seen from its beginning."""


@dataclass(frozen=True, slots=True)
class Sides:
    """The services of a slot, as the router's counters name them."""

    primary: str
    canary: str


@dataclass(frozen=True, slots=True)
class CanaryState:
    """What the platform knows of a canary; None where nobody can say.

    `started` is when this revision's canary was first asked for, in seconds since 1970: the router
    goes on counting under the same name, and what the last canary did is not this one's fault.
    """

    ready: int | None = None
    started: float | None = None


Names = Callable[[Slot, Traffic], Sides]
Canaries = Callable[[Slot], Awaitable[CanaryState]]


class LocalMetrics:
    """One for a router."""

    def __init__(
        self, scraper: Scraper, engine: MetricsEngine, names: Names, canaries: Canaries
    ) -> None:
        self._scraper = scraper
        self._engine = engine
        self._names = names
        self._canaries = canaries

    async def measure(self, check: Check, traffic: Traffic, slot: Slot) -> Measurement:
        """Built-in checks are about the canary, since it started.

        A worker that has just taken over has seen nothing yet. It looks on until it may say that
        there is no data: until it has seen all that the check is about.
        """
        query = check.metric
        if query.provider != LOCAL:
            return await self._engine.measure(query)
        service = self._names(slot, traffic).canary
        started = (await self._canaries(slot)).started
        since = None if started is None else time.monotonic() - (time.time() - started)
        while True:
            window = self._scraper.window(service, query.interval, since)
            measured = measure_builtin(query, service, window, self._scraper.trouble)
            if measured.outcome is not Outcome.NO_DATA or self._has_seen(query.interval, since):
                return measured
            await self._scraper.next_try()

    def _has_seen(self, seconds: float, since: float | None) -> bool:
        """Whether more looks could not find more; so it is when nobody looks at all."""
        begin = max(time.monotonic() - min(seconds, LONGEST_BLIND), since or 0.0)
        return not self._scraper.looking or self._scraper.saw(begin)

    @asynccontextmanager
    async def follow(self, slot: Slot, traffic: Traffic) -> AsyncGenerator["LocalFeed"]:
        """Scrape while the block lasts; others may do so at the same time."""
        sides = self._names(slot, traffic)
        async with self._scraper.subscribed() as scraper:
            yield LocalFeed(scraper, sides, lambda: self._canaries(slot))


class LocalFeed:
    """The looks of one slot; `history` is what was seen before the block began."""

    def __init__(
        self, scraper: Scraper, sides: Sides, canary: Callable[[], Awaitable[CanaryState]]
    ) -> None:
        self._scraper = scraper
        self._sides = sides
        self._canary = canary
        self._began = time.monotonic()
        before = scraper.since(self._began - HISTORY_SECONDS)
        # Waiting for the next scrape would lose half a second in which users already meet errors.
        just_now = [scrape for scrape in before[-1:] if self._began - scrape.at <= JUST_NOW]
        self._start = just_now[0] if just_now else None
        totals = [_totals(scrape, sides, None) for scrape in before]
        self.history: Sequence[Look] = [counters_to_look(*pair) for pair in pairwise(totals)]

    @property
    def blind(self) -> str | None:
        return self._scraper.trouble

    async def looks(self) -> AsyncIterator[Look]:
        """What happens from now on; nothing while the router cannot be reached."""
        scrape = self._start or await self._scraper.next_look(self._began)
        before = _totals(scrape, self._sides, None)
        while True:
            scrape = await self._scraper.next_look(scrape.at)
            now = _totals(scrape, self._sides, (await self._canary()).ready)
            yield counters_to_look(before, now)
            before = now


def _totals(scrape: Scrape, sides: Sides, ready: int | None) -> Totals:
    return Totals(
        at=scrape.at,
        primary=_counts(scrape.of(sides.primary)),
        canary=_counts(scrape.of(sides.canary)),
        canary_ready=ready,
    )


def _counts(counted: ServiceCounters) -> Counts:
    return Counts(requests=counted.requests, failed=counted.failed)
