"""Scrapes one router, or a set of pods, for every rollout behind it, while there is one.

The observe activity subscribes for the length of a step. Its guard waits for `next_look`, its
checks ask for a `window`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Protocol, Self

import httpx

from activities.metrics.counters import RouterCounters, Scrape, Window
from activities.metrics.history import History
from activities.metrics.scrape import TraefikPage

SCRAPE_TIMEOUT = 2.0
STALE_AFTER = 3.0
"""Seconds after which the last scrape no longer speaks for now."""


class Source(Protocol):
    """Where counters come from."""

    @property
    def name(self) -> str:
        """For people: what is scraped."""
        ...

    async def counters(self) -> RouterCounters:
        """As they stand now; an error of HTTP, TimeoutError or ValueError where none can be had."""
        ...


class RouterPage:
    """The metrics page of one Traefik."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._page = TraefikPage()
        self.name = url

    async def counters(self) -> RouterCounters:
        # Traefik is near: packing the page would only cost both sides time.
        response = await self._http.get(self.name, headers={"Accept-Encoding": "identity"})
        response.raise_for_status()
        return self._page.read(response.text)


class Scraping:
    """One for a source; keeps ten minutes of counters, and a task only while subscribed to."""

    def __init__(self, source: Source, every: float = 0.5) -> None:
        self._source = source
        self._every = every
        self._history = History()
        self._subscribers = 0
        self._task: asyncio.Task[None] | None = None
        self._came = asyncio.Event()
        self._trouble: str | None = None

    @asynccontextmanager
    async def subscribed(self) -> AsyncGenerator[Self]:
        """Scraping goes on at least until the end of this block."""
        self._subscribers += 1
        if self._task is None:
            self._trouble = None
            self._task = asyncio.create_task(self._scrape_on(), name=f"scrape {self._source.name}")
        try:
            yield self
        finally:
            self._subscribers -= 1
            if self._subscribers == 0:
                await self._stop()

    @property
    def looking(self) -> bool:
        """Whether anybody is subscribed."""
        return self._task is not None and not self._task.done()

    @property
    def trouble(self) -> str | None:
        """Why the router has no fresh counters; None while it has, and before the first look."""
        return None if self._fresh() else self._trouble

    def latest(self) -> Scrape | None:
        """Counters that only grow, whatever the router's do."""
        return self._history.latest()

    def saw(self, at: float) -> bool:
        """Whether it was already looking at a time of the monotonic clock."""
        return self._history.reaches(at)

    def since(self, at: float) -> tuple[Scrape, ...]:
        """Scrapes at or after a time of the monotonic clock, oldest first."""
        return self._history.since(at)

    def window(self, service: str, seconds: float, since: float | None = None) -> Window | None:
        """The last `seconds` of a service, or what there is of them from `since` on."""
        return self._history.window(service, seconds, since) if self._fresh() else None

    async def next_look(self, after: float) -> Scrape:
        """The first scrape after a time; waits as long as the router is away."""
        while (look := self.latest()) is None or look.at <= after:
            await self.next_try()
        return look

    async def next_try(self) -> None:
        """Until the router has been asked once more, whether it answered or not."""
        if not self.looking:
            raise RuntimeError("a look needs a subscription")
        await self._came.wait()

    def _fresh(self) -> bool:
        latest = self._history.latest()
        oldest = time.monotonic() - max(STALE_AFTER, 3 * self._every)
        return latest is not None and latest.at >= oldest

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and (error := task.exception()):
                raise error

    async def _scrape_on(self) -> None:
        due = time.monotonic()
        try:
            while True:
                await self._scrape()
                self._announce()
                due = max(due + self._every, time.monotonic())
                await asyncio.sleep(due - time.monotonic())
        finally:
            self._announce()

    def _announce(self) -> None:
        self._came.set()
        self._came = asyncio.Event()

    async def _scrape(self) -> None:
        name = self._source.name
        try:
            async with asyncio.timeout(SCRAPE_TIMEOUT):
                counters = await self._source.counters()
            self._history.add(time.monotonic(), counters)
            self._trouble = None
        except TimeoutError:
            self._trouble = f"{name} did not answer within {SCRAPE_TIMEOUT:g} s"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OverflowError) as error:
            self._trouble = f"{name} cannot be scraped: {str(error) or type(error).__name__}"


class Scraper(Scraping):
    """Scrapes one router."""

    def __init__(self, http: httpx.AsyncClient, url: str, every: float = 0.5) -> None:
        super().__init__(RouterPage(http, url), every)
