"""Sparing a platform the storms: what was read is good for a second.

Where something was not found, the receiver asks for what is read after the delivery came in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")
GOOD_FOR = 1.0


class Remembered(Generic[T]):
    """One thing that is read; `clock` counts seconds."""

    def __init__(self, read: Callable[[], Awaitable[T]], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._lock = asyncio.Lock()
        self._found: tuple[float, T] | None = None

    async def get(self, *, since: float | None = None) -> T:
        """What was read lately, or after the moment `since`; those who wait share one reading."""
        wanted = self._clock() - GOOD_FOR if since is None else since
        async with self._lock:
            if self._found is None or self._found[0] < wanted:
                begun = self._clock()
                self._found = (begun, await self._read())
            return self._found[1]
