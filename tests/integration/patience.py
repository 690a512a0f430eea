"""Waiting for what other processes do, and playing scenarios side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

PATIENCE = 60.0
"""Seconds until a test gives up; far more than any of it takes, for machines under load."""
LOOK_EVERY = 0.1


async def eventually(
    condition: Callable[[], Awaitable[bool]], what: str, within: float = PATIENCE
) -> None:
    """Look until it is so."""
    try:
        async with asyncio.timeout(within):
            while not await condition():  # noqa: ASYNC110  other processes cannot set our event
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError as error:
        raise AssertionError(f"not after {within:g} s: {what}") from error


async def together(*scenarios: Coroutine[object, object, None]) -> None:
    """Play scenarios on targets of their own at the same time."""
    async with asyncio.TaskGroup() as group:
        for scenario in scenarios:
            group.create_task(scenario)
