"""Waits for what other processes do in their own time."""

import asyncio
from collections.abc import Awaitable, Callable

POLL = 0.03


async def until(condition: Callable[[], Awaitable[bool]], within: float = 15.0) -> None:
    """TimeoutError if it does not come true."""
    async with asyncio.timeout(within):
        while True:
            if await condition():
                return
            await asyncio.sleep(POLL)


async def until_said(said: Callable[[], bool]) -> None:
    """The same for what can be asked at once."""

    async def condition() -> bool:
        return said()

    await until(condition)
