"""Two ways to run things at once that leave nothing running; used by the long activities."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Never, TypeVar

from pydantic import BaseModel
from temporalio import activity

T = TypeVar("T")


async def first_of(*work: Coroutine[object, object, T]) -> T:
    """The outcome of what ends first; the earlier named wins a tie, the others are cancelled."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task.done()).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def plain_errors() -> Generator[None]:
    """Let the first error of a task group through by itself: Temporal knows types, not groups."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from group


class Beat:
    """Sends what `details` gives, when told and whenever nothing was sent for `quiet`."""

    def __init__(self, details: Callable[[], BaseModel], quiet: timedelta) -> None:
        self._details = details
        self._quiet = quiet.total_seconds()
        self._last = -math.inf

    def now(self) -> None:
        self._last = asyncio.get_running_loop().time()
        activity.heartbeat(self._details())

    async def keep(self) -> Never:
        """Runs until cancelled."""
        while True:
            left = self._last + self._quiet - asyncio.get_running_loop().time()
            if left <= 0:
                self.now()
            else:
                await asyncio.sleep(left)
