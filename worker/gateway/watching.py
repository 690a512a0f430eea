"""Looking at rollouts for many people at once: one poll loop a rollout while anybody looks.

However many pages are open, Temporal is asked once a second a rollout, and once a second for the
list of all. Made by `worker.gateway.context`, for the page and the API together. When Temporal is
away, what was seen last stays, with the trouble beside it.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from worker import rollouts
from worker.rollouts import NoAnswer, NoRollout, RolloutRefused, Row
from workflows.model.identity import Slot
from workflows.model.live import GuardState
from workflows.model.observation import Tick
from workflows.model.record import DecisionRecord, Ended
from workflows.model.status import RolloutStatus

EVERY = 1.0
"""Seconds between two looks."""
OVER_EVERY = 3.0
"""The same once a rollout is over; another may begin."""
LONGEST_PAUSE = 8.0
KEPT_TICKS = 120
"""Ticks of one run that are drawn."""
KEPT_SLOTS = 500

Seen = TypeVar("Seen")
Place = tuple[str, int]
"""The step and the number of a tick."""


class Shared(Generic[Seen]):
    """One thing that many look at; `look` is given what was seen before."""

    def __init__(
        self,
        look: Callable[[Seen | None], Awaitable[Seen]],
        pause: Callable[[Seen, float], float],
    ) -> None:
        self._look = look
        self._pause = pause
        self._looking = asyncio.Lock()
        self._changed = asyncio.Condition()
        self._seen: Seen | None = None
        self._version = 0
        self._at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._broken: Exception | None = None
        self.followers = 0

    @property
    def newest(self) -> Seen | None:
        """What was seen last, if anything was."""
        return self._seen

    async def now(self) -> Seen:
        """What is so now; not asked again within a second, nor while a loop keeps it new."""
        if self._task is not None and self._seen is not None and self._at:
            return self._seen
        return await self._fresh()

    async def _fresh(self) -> Seen:
        async with self._looking:
            if self._seen is None or time.monotonic() - self._at >= EVERY:
                await self._refresh()
            assert self._seen is not None  # noqa: S101  a look gives something
            return self._seen

    def forget(self) -> None:
        """Let the next look be a new one: somebody has just changed something."""
        self._at = 0.0

    @asynccontextmanager
    async def following(self) -> AsyncGenerator[AsyncIterator[Seen]]:
        """What is seen, again at every change; the loop runs while anybody is inside."""
        self.followers += 1
        if self._task is None:
            self._broken = None
            self._task = asyncio.create_task(self._poll(), name="watching")
        try:
            yield self._changes()
        finally:
            self.followers -= 1
            if not self.followers:
                await self._stop()

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _changes(self) -> AsyncIterator[Seen]:
        """Those who are slow miss what lies between, never the newest."""
        known = 0
        while True:
            async with self._changed:
                while self._version <= known and self._broken is None:
                    await self._changed.wait()
                if self._broken is not None:
                    raise self._broken
                known, seen = self._version, self._seen
            if seen is not None:
                yield seen

    async def _poll(self) -> None:
        pause = 0.0
        try:
            while True:
                pause = self._pause(await self._fresh(), pause)
                await asyncio.sleep(pause)
        except Exception as error:
            # Nobody awaits this task; those who follow are told instead of waiting for ever.
            async with self._changed:
                self._broken = error
                self._changed.notify_all()

    async def _refresh(self) -> None:
        seen = await self._look(self._seen)
        self._at = time.monotonic()
        if seen != self._seen or not self._version:
            async with self._changed:
                self._seen = seen
                self._version += 1
                self._changed.notify_all()


@dataclass(frozen=True)
class Sight:
    """One rollout; `status` is None while nothing is known of it, `trouble` says why it is old."""

    status: RolloutStatus | None = None
    guard: GuardState | None = None
    """What the guard has counted in the step that is observed now."""
    record: DecisionRecord | None = None
    ticks: tuple[tuple[str, Tick], ...] = ()
    """Every tick that is known, with its step, the oldest first."""
    trouble: str = ""
    lost: str = ""
    """How the run ended, if it could not say so itself."""


@dataclass(frozen=True)
class Overview:
    """The newest rollout of each target."""

    rows: tuple[Row, ...] = ()
    trouble: str = ""


class Watcher:
    """All that people look at in one gateway."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._slots: dict[Slot, Shared[Sight]] = {}
        self._all = Shared(self._list, lambda seen, before: _pause(seen.trouble, EVERY, before))

    @property
    def loops(self) -> int:
        """How many rollouts are polled now."""
        return sum(1 for shared in self._slots.values() if shared.followers)

    def rollout(self, slot: Slot) -> Shared[Sight]:
        """One rollout, for those who look at it once or go on looking."""
        shared = self._slots.pop(slot, None) or Shared(self._sight_of(slot), _pause_of)
        self._slots[slot] = shared
        self._drop_idle()
        return shared

    @asynccontextmanager
    async def following(self, slot: Slot) -> AsyncGenerator[AsyncIterator[RolloutStatus]]:
        """Every new status of a slot, as others see it too."""
        async with self.rollout(slot).following() as sights:
            yield _statuses(sights)

    @property
    def everything(self) -> Shared[Overview]:
        """All rollouts, from one visibility query a second."""
        return self._all

    async def overview(self) -> Overview:
        """All rollouts, not older than a second."""
        return await self._all.now()

    def _sight_of(self, slot: Slot) -> Callable[[Sight | None], Awaitable[Sight]]:
        async def look(before: Sight | None) -> Sight:
            return await self._see(slot, before or Sight())

        return look

    async def _see(self, slot: Slot, before: Sight) -> Sight:
        try:
            looked = await rollouts.look(self._client, slot)
            status, progress = looked.status, looked.progress
            record, lost = before.record, before.lost if looked.lost else ""
            if looked.lost and not lost:
                lost = await rollouts.ending(self._client, slot)
            if before.status is None or _mark(status) != _mark(before.status):
                record = await record_of(self._client, slot, status.run_id)
        except (NoAnswer, RolloutRefused) as error:
            return replace(before, trouble=str(error))
        except NoRollout:
            return Sight()
        same = before.status is not None and before.status.run_id == status.run_id
        kept = dict(_placed(before.ticks)) if same else {}
        return Sight(
            status=status,
            guard=progress.guard if progress else None,
            record=record,
            ticks=ticks_of(status, record, kept),
            lost=lost,
        )

    async def _list(self, before: Overview | None) -> Overview:
        try:
            return Overview(tuple(await rollouts.listing(self._client)))
        except NoAnswer as error:
            return replace(before or Overview(), trouble=str(error))

    def _drop_idle(self) -> None:
        if len(self._slots) <= KEPT_SLOTS:
            return
        for slot in [slot for slot, shared in self._slots.items() if not shared.followers]:
            if len(self._slots) > KEPT_SLOTS:
                del self._slots[slot]


async def record_of(client: Client, slot: Slot, run_id: str) -> DecisionRecord | None:
    """The decision record of a run; None where it cannot say."""
    handle = client.get_workflow_handle(slot.workflow_id, run_id=run_id)
    try:
        record: DecisionRecord = await handle.query(
            "record", result_type=DecisionRecord, rpc_timeout=rollouts.QUERY_WITHIN
        )
    except (RPCError, WorkflowQueryFailedError):
        return None
    return record


def ticks_of(
    status: RolloutStatus,
    record: DecisionRecord | None,
    known: dict[Place, tuple[str, Tick]] | None = None,
) -> tuple[tuple[str, Tick], ...]:
    """Every tick known of a run: of the record, of this status, and those seen while looking."""
    found = dict(known or {})
    for decided in record.decided if record else ():
        if isinstance(decided.event, Ended) and decided.event.observation is not None:
            evidence = decided.event.observation.evidence
            first = (evidence.first_failure,) if evidence.first_failure else ()
            found |= _placed([(decided.step, tick) for tick in (*first, *evidence.ticks)])
    if status.evidence is not None and status.position < len(status.steps):
        step = status.steps[status.position].name
        known_at = {tick.at for _, tick in found.values()}
        fresh = [(step, tick) for tick in status.evidence.ticks if tick.at not in known_at]
        found |= _placed(fresh)
    ordered = sorted(found.values(), key=lambda placed: placed[1].at)
    return tuple(ordered[-KEPT_TICKS:])


def _placed(
    ticks: tuple[tuple[str, Tick], ...] | list[tuple[str, Tick]],
) -> dict[Place, tuple[str, Tick]]:
    return {(step, tick.number): (step, tick) for step, tick in ticks}


def _mark(status: RolloutStatus) -> tuple[object, ...]:
    """Changes when the decision record may have."""
    return (status.run_id, status.position, len(status.entries), status.outcome, status.phase)


def _pause_of(seen: Sight, before: float) -> float:
    over = seen.status is None or seen.status.outcome is not None
    return _pause(seen.trouble, OVER_EVERY if over else EVERY, before)


def _pause(trouble: str, ordinary: float, before: float) -> float:
    return min(max(ordinary, before * 2), LONGEST_PAUSE) if trouble else ordinary


async def _statuses(sights: AsyncIterator[Sight]) -> AsyncIterator[RolloutStatus]:
    async for sight in sights:
        if sight.status is not None:
            yield sight.status
