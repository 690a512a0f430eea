"""Holds a step's routes and judges the canary: one long activity a step, on every platform.

All it knows is in `ObserveProgress`, heartbeat right after each tick, so a worker that takes over
goes on at the same tick and calls no hook of a finished tick again. For that the worker must send
every heartbeat at once: see `HEARTBEAT_THROTTLE`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Never

from pydantic import ValidationError
from temporalio import activity

from activities.analysis.guarding import Guarding
from activities.analysis.instruments import Checks, Feed, Hooks, LiveCounters, RoutesKeeper
from activities.analysis.ticking import Ticker
from activities.racing import Beat, first_of
from workflows import policies, tally
from workflows.contracts import Analysing
from workflows.errors import worker_shutdown
from workflows.model.observation import Ending, Observation, ObserveProgress, ObserveRequest
from workflows.model.requests import EnsureRoutes

HEARTBEAT_THROTTLE = timedelta(0)
"""`max_heartbeat_throttle_interval` of a worker with an `Observer`.

By default heartbeats are held back for 0.8 heartbeat timeouts: a killed worker would take finished
ticks with it. There is one heartbeat a tick, so nothing needs holding back.
"""
QUIET = policies.HEARTBEAT_EVERY * 1.2
"""A little longer than the usual interval, whose ticks are heartbeats anyway."""


@dataclass(frozen=True)
class Instruments:
    """What an observation works with. Without `live`, there is no guard."""

    routes: RoutesKeeper
    checks: Checks
    hooks: Hooks
    live: LiveCounters | None = None
    told: Callable[[ObserveRequest, ObserveProgress], Awaitable[None]] | None = None
    """Told of each tick after it was counted, to show it where people look."""
    clock: Callable[[], float] = time.time
    """Seconds since 1970: ticks stay on time across workers."""


class Observer(Analysing):
    """`Analysing` with the instruments of one platform."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    @activity.defn(name="analysis.observe")
    async def observe(self, request: ObserveRequest) -> Observation:
        """See `_Watch`."""
        progress = resume(request, activity.info().heartbeat_details)
        return await _Watch(self._instruments, request, progress).run()


def resume(request: ObserveRequest, details: Sequence[object]) -> ObserveProgress:
    """Go on from the last heartbeat; one that cannot be read means to start over."""
    if not details:
        return tally.begin(request)
    try:
        return ObserveProgress.model_validate(details[0])
    except ValidationError as error:
        activity.logger.warning("observe.heartbeat_unreadable", extra={"problems": str(error)})
        return tally.begin(request)


class _Watch:
    """One attempt at one step."""

    def __init__(
        self, instruments: Instruments, request: ObserveRequest, progress: ObserveProgress
    ) -> None:
        self._use = instruments
        self._request = request
        self._progress = progress
        self._guard = Guarding(request.analysis.guard, progress.guard)
        self._ticker = Ticker(instruments.checks, instruments.hooks, request)
        self._beat = Beat(self._snapshot, QUIET)

    async def run(self) -> Observation:
        ending = await first_of(self._judge(), self._hand_over(), self._beat.keep())
        return tally.conclude(self._request, self._progress, ending)

    def _snapshot(self) -> ObserveProgress:
        return self._progress.model_copy(update={"guard": self._guard.state})

    async def _hand_over(self) -> Never:
        await activity.wait_for_worker_shutdown()
        self._beat.now()
        raise worker_shutdown()

    async def _judge(self) -> Ending:
        # The worker before may have been lost between its last tick and its answer.
        if ending := tally.ended(self._request, self._progress):
            return ending
        await self._ensure_routes()
        if not self._progress.next_tick_at:
            self._tick_next_at(tally.first_tick_at(self._request, self._use.clock()))
            self._beat.now()
        async with self._counters() as feed:
            if feed is None or not self._is_guarded():
                return await self._ticks()
            return await first_of(self._guarded(feed), self._ticks(feed))

    def _is_guarded(self) -> bool:
        return self._request.guarded and self._request.analysis.guard.enabled

    def _counters(self) -> AbstractAsyncContextManager[Feed | None]:
        """Counters are followed for the checks' sake too; a plain gate needs none."""
        needed = self._is_guarded() or bool(self._request.analysis.checks)
        if self._use.live is None or not needed:
            return nullcontext()
        return self._use.live.follow(self._request.slot, self._request.traffic)

    async def _guarded(self, feed: Feed) -> Ending:
        trip = await self._guard.watch(feed)
        self._progress = tally.tripped(self._progress, trip)
        self._beat.now()
        return Ending.GUARD

    async def _ticks(self, guarding: Feed | None = None) -> Ending:
        while True:
            await self._until_due()
            started, due = self._use.clock(), self._progress.next_tick_at
            await self._ensure_routes()  # first: who has been overtaken must not call hooks
            findings = await self._ticker.look(self._progress, started)
            self._progress = tally.count(self._progress, findings)
            if guarding is not None:
                self._progress = tally.seeing(self._progress, guarding.blind)
            interval = self._request.analysis.interval
            self._tick_next_at(tally.next_tick_at(due, started, interval))
            self._beat.now()
            if self._use.told is not None:
                await self._use.told(self._request, self._progress)
            if ending := tally.ended(self._request, self._progress):
                return ending

    def _tick_next_at(self, at: float) -> None:
        self._progress = self._progress.model_copy(update={"next_tick_at": at})

    async def _until_due(self) -> None:
        """Never longer than an interval, even if somebody set the clock back."""
        left = self._progress.next_tick_at - self._use.clock()
        await asyncio.sleep(min(max(left, 0.0), self._request.analysis.interval))

    async def _ensure_routes(self) -> None:
        request = self._request
        ensured = await self._use.routes.ensure(
            EnsureRoutes(
                slot=request.slot,
                fence=request.fence,
                revision=request.revision,
                traffic=request.traffic,
                routes=request.routes,
                step=request.step,
            )
        )
        if ensured.drifted:
            self._progress = tally.drifted(self._progress)
