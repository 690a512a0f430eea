"""Which copies may have users: those that supervisord calls running and whose probe succeeds.

A process that crashes again and again may answer its probe in between. It counts only once it has
lived for more than a second, and after a crash only once it has lived for five. Asked by workloads
that wait and, every half second, by the guard.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx

from activities.local.ports import LOOPBACK
from activities.local.state import Copies
from activities.local.supervisor import Supervisor
from activities.local.supervisor_rpc import ProcessState
from workflows.errors import Reason, failure
from workflows.model.identity import Slot
from workflows.model.process import HttpProbe, Readiness

SOONEST = 0.05
MAX_AGE = 0.4
PROVED_AFTER = 5
"""Seconds that a process must live when the one before it has crashed."""


class Readinesses:
    """One for a worker."""

    def __init__(
        self,
        supervisor: Supervisor,
        http: httpx.AsyncClient,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._supervisor = supervisor
        self._http = http
        self._clock = clock
        self._counted: dict[tuple[str, ...], tuple[float, int]] = {}
        self._first_starts: dict[str, int] = {}

    async def ready_count(self, slot: Slot, copies: Copies) -> int:
        """How many are ready now."""
        return sum(await self._each(slot, copies))

    async def recent_count(self, slot: Slot, copies: Copies) -> int:
        """How many were ready within the last half second; one probe for all who ask."""
        key = copies.programs(slot)
        at, count = self._counted.get(key, (float("-inf"), 0))
        if time.monotonic() - at > MAX_AGE:
            count = await self.ready_count(slot, copies)
            now = time.monotonic()
            recent = {k: v for k, v in self._counted.items() if now - v[0] <= MAX_AGE}
            self._counted = {**recent, key: (now, count)}
        return count

    async def wait(
        self,
        slot: Slot,
        copies: Copies,
        needed: int,
        deadline: float,
        still_wanted: Callable[[], Awaitable[None]],
    ) -> None:
        """`ProgressDeadlineExceeded` when fewer than `needed` are ready in time."""
        streaks = [0] * len(copies.ports)
        probe = copies.readiness
        while True:
            ready = await self._each(slot, copies)
            streaks = [streak + 1 if up else 0 for streak, up in zip(streaks, ready, strict=True)]
            if sum(streak >= probe.success_threshold for streak in streaks) >= needed:
                return
            await still_wanted()
            if self._clock() - copies.started_at > deadline:
                raise await self._too_late(slot, copies, needed, deadline)
            counting = 0 < max(streaks) < probe.success_threshold
            pause = probe.interval.total_seconds()
            await asyncio.sleep(pause if counting else min(pause, SOONEST * 2))

    async def _each(self, slot: Slot, copies: Copies) -> list[bool]:
        states = await self._supervisor.states()
        self._first_starts = {
            name: self._first_starts.get(name) or state.start for name, state in states.items()
        }
        probes = (
            self._is_ready(states.get(name), port, copies.readiness)
            for name, port in zip(copies.programs(slot), copies.ports, strict=True)
        )
        return await asyncio.gather(*probes)

    async def _is_ready(self, state: ProcessState | None, port: int, readiness: Readiness) -> bool:
        if state is None or not state.running:
            return False
        delay = readiness.initial_delay.total_seconds()
        if state.start != self._first_starts[state.name]:
            delay = max(delay, PROVED_AFTER)
        if state.now - state.start < delay:
            return False
        timeout = readiness.timeout.total_seconds()
        if readiness.http is not None:
            return await self._answers(readiness.http, port, timeout)
        other = readiness.tcp.port if readiness.tcp is not None else None
        return await _connects(other or port, timeout)

    async def _answers(self, probe: HttpProbe, port: int, timeout: float) -> bool:  # noqa: ASYNC109
        url = f"http://{LOOPBACK}:{probe.port or port}{probe.path}"
        try:
            async with asyncio.timeout(timeout):
                response = await self._http.get(url, follow_redirects=False)
        except (httpx.HTTPError, TimeoutError):
            return False
        return response.is_success or response.is_redirect

    async def _too_late(
        self, slot: Slot, copies: Copies, needed: int, deadline: float
    ) -> Exception:
        ready = await self.ready_count(slot, copies)
        states = await self._supervisor.states()
        seen = "; ".join(
            f"{name} is {state.statename} ({state.description})"
            for name in copies.programs(slot)
            if (state := states.get(name)) is not None
        )
        return failure(
            Reason.PROGRESS_DEADLINE,
            f"{ready} of {len(copies.ports)} {copies.role} processes at {copies.revision} are "
            f"ready after {deadline:g} s, {needed} are needed: {seen}; see their logs",
            retryable=False,
        )


async def _connects(port: int, timeout: float) -> bool:  # noqa: ASYNC109
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return True
    return True
