"""Live counters of one target: the proxy's, and how many canary processes are ready.

`activities.observe` follows them for a step; one scrape of the proxy serves all who follow.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

from temporalio.exceptions import ApplicationError

from activities.local.readiness import Readinesses
from activities.local.state import TargetStore
from activities.metrics.builtin import LOCAL, measure_builtin
from activities.metrics.counters import Scrape, ServiceCounters
from activities.metrics.engine import MetricsEngine
from activities.metrics.scraper import Scraper
from activities.routing.traefik_file import PROVIDER, apex
from workflows.model.identity import Slot
from workflows.model.live import Counts, Look, Totals, counters_to_look
from workflows.model.measurement import Measurement
from workflows.model.plan import Check, Traffic

BEFORE = 120.0
"""Seconds before a step that say how bursty the primary's failures are."""

Ready = Callable[[Slot], Awaitable[int | None]]


class LocalCounters:
    """`LiveCounters` of the observe activity."""

    def __init__(self, scraper: Scraper, store: TargetStore, readiness: Readinesses) -> None:
        self._scraper = scraper
        self._store = store
        self._readiness = readiness

    @asynccontextmanager
    async def follow(self, slot: Slot, traffic: Traffic) -> AsyncGenerator["LocalFeed"]:
        """Scraping goes on at least until the end of the block."""
        async with self._scraper.subscribed() as scraper:
            yield LocalFeed(scraper, slot, traffic, self._ready)

    async def _ready(self, slot: Slot) -> int | None:
        """None when nobody could say; that is not the canary's fault."""
        try:
            canary = (await self._store.read(slot)).canary
            return None if canary is None else await self._readiness.recent_count(slot, canary)
        except ApplicationError:
            return None


class LocalFeed:
    """`Feed` of one target."""

    def __init__(self, scraper: Scraper, slot: Slot, traffic: Traffic, ready: Ready) -> None:
        self._scraper = scraper
        self._slot = slot
        self._name = apex(slot.namespace, traffic.service)
        self._ready = ready

    @property
    def history(self) -> Sequence[Look]:
        """What was seen in the two minutes before now, as far as anybody looked."""
        scrapes = self._scraper.since(time.monotonic() - BEFORE)
        totals = (self._totals(scrape, None) for scrape in scrapes)
        return tuple(counters_to_look(one, other) for one, other in pairwise(totals))

    async def looks(self) -> AsyncIterator[Look]:
        """A look every half second, without end; none while the proxy cannot be reached."""
        scrape = await self._scraper.next_look(time.monotonic())
        before = self._totals(scrape, None)
        while True:
            scrape = await self._scraper.next_look(scrape.at)
            totals = self._totals(scrape, await self._ready(self._slot))
            yield counters_to_look(before, totals)
            before = totals

    def _totals(self, scrape: Scrape, ready: int | None) -> Totals:
        return Totals(
            at=scrape.at,
            primary=_counts(scrape.of(service_of(self._name, "primary"))),
            canary=_counts(scrape.of(service_of(self._name, "canary"))),
            canary_ready=ready,
        )


class LocalChecks:
    """`Checks` of the observe activity: built-in ones from the proxy, others by the engine."""

    def __init__(self, scraper: Scraper, engine: MetricsEngine) -> None:
        self._scraper = scraper
        self._engine = engine

    async def measure(self, check: Check, traffic: Traffic, slot: Slot) -> Measurement:
        """Trouble with a provider is a measurement."""
        query = check.metric
        if query.provider != LOCAL:
            return await self._engine.measure(query)
        service = service_of(apex(slot.namespace, traffic.service), "canary")
        window = self._scraper.window(service, query.interval)
        return measure_builtin(query, service, window, self._scraper.trouble)


def service_of(name: str, role: str) -> str:
    """As the metrics of the proxy label it."""
    return f"{name}-{role}{PROVIDER}"


def _counts(counters: ServiceCounters) -> Counts:
    return Counts(requests=counters.requests, failed=counters.failed)
