"""The built-in load generator: sends requests at an asked rate and measures the answers.

Called by `serinus load`, by the load tester and by the demo. Each request has a time at which it
is due, fixed in advance by the asked rate; whichever worker is free sends it. So a slow answer
delays no other request while a worker is free, and when none is, the wait counts as latency:
a target that stalls cannot hide it by slowing the generator down.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import perf_counter

import aiohttp

from activities.load.options import LoadOptions
from activities.load.report import LoadReport
from activities.load.tally import Tally

TICK = 0.25
DEFAULT_GRACE = 20.0


@dataclass(frozen=True)
class Progress:
    """How far a running load test is; `share` runs from 0 to 1."""

    requests: int
    failed: int
    elapsed: float
    share: float


class LoadGenerator:
    """One load test; `run` it once. `stop` ends it early and `run` then returns what it has."""

    def __init__(
        self, options: LoadOptions, on_progress: Callable[[Progress], None] | None = None
    ) -> None:
        self.tally = Tally()
        self._options = options
        self._on_progress = on_progress
        self._stopped = False
        self._workers: tuple[asyncio.Task[None], ...] = ()
        self._schedule = _Schedule(options)

    def stop(self) -> None:
        """Send nothing more and give up what is under way, uncounted."""
        self._stopped = True
        for worker in self._workers:
            worker.cancel()

    async def run(self) -> LoadReport:
        """Send until the count or the duration is reached, then report."""
        self._schedule.start()
        async with _session(self._options) as session, asyncio.TaskGroup() as group:
            count = min(self._options.workers, self._schedule.limit or self._options.workers)
            self._workers = tuple(group.create_task(self._work(session)) for _ in range(count))
            progress = group.create_task(self._tell())
            if self._stopped:
                self.stop()
            await self._finish()
            progress.cancel()
        elapsed = self._schedule.elapsed()
        unsent = 0 if self._stopped else self._schedule.unsent()
        return self.tally.report(self._options, elapsed, unsent=unsent, stopped=self._stopped)

    async def _finish(self) -> None:
        """Wait for the workers; a request still open long after the end is given up."""
        duration = self._options.duration
        grace = self._options.timeout or DEFAULT_GRACE
        limit = None if duration is None else duration + grace + 1
        _, late = await asyncio.wait(self._workers, timeout=limit)
        for worker in late:
            worker.cancel()
            self.tally.timed_out(grace, duration or 0.0)

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while (due := self._schedule.take()) is not None:
            if (early := due - perf_counter()) > 0:
                await asyncio.sleep(early)
                # A timer that fires a little late is ours, not the target's.
                due = perf_counter()
            await self._send(session, due)
        await asyncio.sleep(self._schedule.left())

    async def _send(self, session: aiohttp.ClientSession, due: float) -> None:
        options, offset = self._options, self._schedule.offset(due)
        body = options.body or None
        try:
            async with session.request(options.method, options.url, data=body) as response:
                size = 0
                async for chunk in response.content.iter_any():
                    size += len(chunk)
            self.tally.answered(response.status, perf_counter() - due, offset, size)
        except TimeoutError:
            self.tally.timed_out(perf_counter() - due, offset)
        except (aiohttp.ClientError, OSError) as error:
            self.tally.unanswered(error_kind(error))

    async def _tell(self) -> None:
        while self._on_progress is not None:
            await asyncio.sleep(TICK)
            share = self._schedule.share(self.tally.requests)
            elapsed = self._schedule.elapsed()
            self._on_progress(Progress(self.tally.requests, self.tally.failed, elapsed, share))


class _Schedule:
    """When each request is due, and when there are no more."""

    def __init__(self, options: LoadOptions) -> None:
        self._rate = options.asked_rate
        self._duration = options.duration
        self.limit = options.requests if options.duration is None else None
        self._taken = 0
        self._started = perf_counter()

    def start(self) -> None:
        self._started = perf_counter()

    def take(self) -> float | None:
        """When the next request is due; `None` when there is none."""
        now = perf_counter()
        due = now if self._rate is None else self._started + self._taken / self._rate
        if self._taken == self.limit or self._over(max(now, due)):
            return None
        self._taken += 1
        return due

    def _over(self, time: float) -> bool:
        return self._duration is not None and time - self._started >= self._duration

    def left(self) -> float:
        return max(0.0, (self._duration or 0.0) - self.elapsed())

    def offset(self, due: float) -> float:
        return due - self._started

    def elapsed(self) -> float:
        return perf_counter() - self._started

    def share(self, done: int) -> float:
        whole = self._duration or self.limit or 1
        return min(1.0, (self.elapsed() if self._duration else done) / whole)

    def unsent(self) -> int:
        """Requests that were due within the duration and never taken."""
        due = ceil((self._rate or 0.0) * (self._duration or 0.0) - 1e-6)
        return max(0, due - self._taken)


# The first that fits; a class stands before the one it derives from.
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "name not found"),
    (aiohttp.ClientSSLError, "tls"),
    (ssl.SSLError, "tls"),
    (aiohttp.ClientConnectorError, "cannot connect"),
    (OSError, "connection lost"),
    (aiohttp.ServerDisconnectedError, "connection lost"),
    (aiohttp.ClientPayloadError, "answer cut off"),
    (aiohttp.TooManyRedirects, "too many redirects"),
)


def error_kind(error: Exception) -> str:
    """A short stable name for why there was no answer."""
    if isinstance(getattr(error, "os_error", error), ConnectionRefusedError):
        return "connection refused"
    return next((kind for known, kind in _KINDS if isinstance(error, known)), "invalid answer")


def _session(options: LoadOptions) -> aiohttp.ClientSession:
    headers = [("User-Agent", "serinus-load"), *options.headers]
    given = {name.lower() for name, _ in options.headers}
    if options.host is not None:
        headers = [*(pair for pair in headers if pair[0].lower() != "host"), ("Host", options.host)]
    if options.body and "content-type" not in given:
        headers.append(("Content-Type", "text/html"))
    return aiohttp.ClientSession(
        # Like hey: certificates are not checked, each worker keeps one connection.
        connector=aiohttp.TCPConnector(limit=options.workers, ssl=False),
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=options.timeout or None),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )
