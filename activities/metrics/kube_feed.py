"""The looks of one slot on Kubernetes: counters where there are any, and readiness always."""

import logging
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import pairwise

from activities.metrics.counters import RouterCounters, Scrape
from activities.metrics.router_names import Names
from activities.metrics.scraper import Scraping
from activities.metrics.slices import Slices
from workflows.model.identity import Slot
from workflows.model.live import Counts, Look, Totals, counters_to_look

HISTORY_SECONDS = 120.0
JUST_NOW = 1.0
"""Seconds; what was counted so shortly before a step is where the step began."""

logger = logging.getLogger(__name__)


class KubeFeed:
    """`history` is what was seen before the block began."""

    def __init__(self, slot: Slot, scraping: Scraping, names: Names, canary: Slices) -> None:
        self._slot = slot
        self._scraping = scraping
        self._names = names
        self._canary = canary
        self._began = time.monotonic()
        self._said: str | None = None
        before = scraping.since(self._began - HISTORY_SECONDS)
        near = [scrape for scrape in before[-1:] if self._began - scrape.at <= JUST_NOW]
        self._base = near[0] if near else None
        totals = [self._totals(scrape.at, scrape, None) for scrape in before]
        self.history: Sequence[Look] = [counters_to_look(*pair) for pair in pairwise(totals)]

    @property
    def blind(self) -> str | None:
        """Why the guard has no counters and goes by readiness alone; None while it has some."""
        if (trouble := self._scraping.trouble) is not None:
            return trouble
        latest = self._scraping.latest()
        if latest is None or self._names.has_some_of(latest.counters):
            return None
        return f"nothing that is scraped has counted a request of {self._slot.key} yet"

    async def looks(self) -> AsyncIterator[Look]:
        """One a round, even where nothing can be counted: a canary may lose all its pods."""
        scrape = self._base
        before = self._totals(self._began, scrape, None)
        while True:
            await self._scraping.next_try()
            self._say_once()
            latest = self._scraping.latest()
            if latest is not None and latest.at > self._began:
                if scrape is None:
                    before = self._totals(latest.at, latest, None)
                scrape = latest
            now = self._totals(time.monotonic(), scrape, self._canary.ready)
            yield counters_to_look(before, now)
            before = now

    def _say_once(self) -> None:
        trouble = self._scraping.trouble
        if trouble is not None and self._said is None:
            self._said = trouble
            logger.warning("guard.blind %s goes by readiness alone: %s", self._slot.key, trouble)

    def _totals(self, at: float, scrape: Scrape | None, ready: int | None) -> Totals:
        counters: RouterCounters = {} if scrape is None else scrape.counters
        return Totals(
            at=at,
            primary=_counts(scrape, self._names.primary_of(counters)),
            canary=_counts(scrape, self._names.canary_of(counters)),
            canary_ready=ready,
        )


def _counts(scrape: Scrape | None, services: Iterable[str]) -> Counts:
    if scrape is None:
        return Counts()
    counted = [scrape.of(service) for service in services]
    return Counts(
        requests=sum(one.requests for one in counted), failed=sum(one.failed for one in counted)
    )
