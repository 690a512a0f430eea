"""Slots to look at, each at most once in the queue and never twice at a time.

Between the watches and the attendants of `worker.controller.attending`. A slot that is told again
while it is attended to comes again afterwards; one that failed comes back after a pause that
doubles.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from workflows.model.identity import Slot

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0


class SlotQueue:
    """First come, first served; for one event loop."""

    def __init__(self, first_pause: float = FIRST_PAUSE) -> None:
        self._first_pause = first_pause
        self._ready: asyncio.Queue[Slot] = asyncio.Queue()
        self._waiting: set[Slot] = set()
        self._attended: set[Slot] = set()
        self._again: set[Slot] = set()
        self._failures: dict[Slot, int] = {}
        self._later: dict[Slot, asyncio.TimerHandle] = {}
        self._quiet = asyncio.Event()
        self._quiet.set()

    def add(self, slot: Slot) -> None:
        """Have it looked at soon, whatever it was waiting for."""
        if (timer := self._later.pop(slot, None)) is not None:
            timer.cancel()
        if slot in self._attended:
            self._again.add(slot)
        elif slot not in self._waiting:
            self._waiting.add(slot)
            self._ready.put_nowait(slot)
        self._quiet.clear()

    def retry(self, slot: Slot) -> None:
        """Have it looked at again after a pause."""
        failures = self._failures.get(slot, 0)
        self._failures[slot] = failures + 1
        pause = min(self._first_pause * 2.0**failures, LONGEST_PAUSE)
        if slot not in self._later:
            loop = asyncio.get_running_loop()
            self._later[slot] = loop.call_later(pause, self.add, slot)
        self._quiet.clear()

    async def attend(self, look: Callable[[Slot], Awaitable[bool]]) -> None:
        """Look at one slot after the other, for ever; `look` says whether it went well."""
        while True:
            slot = await self._ready.get()
            async with self._attending(slot):
                if await look(slot):
                    self._failures.pop(slot, None)
                else:
                    self.retry(slot)

    async def until_quiet(self) -> None:
        """Until nothing waits, is attended to, or comes back."""
        await self._quiet.wait()

    def close(self) -> None:
        """Let nothing come back."""
        for timer in self._later.values():
            timer.cancel()
        self._later.clear()

    @asynccontextmanager
    async def _attending(self, slot: Slot) -> AsyncGenerator[None]:
        self._waiting.discard(slot)
        self._attended.add(slot)
        try:
            yield
        finally:
            self._attended.discard(slot)
            if slot in self._again:
                self._again.discard(slot)
                self.add(slot)
            if not (self._waiting or self._attended or self._later):
                self._quiet.set()
