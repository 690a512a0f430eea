"""The queue between watches and attendants."""

import asyncio
from collections.abc import Awaitable, Callable

from worker.controller.queue import SlotQueue
from workflows.model.identity import Slot

A, B = Slot(name="a"), Slot(name="b")


async def attended(queue: SlotQueue, look: Callable[[Slot], Awaitable[bool]], times: int) -> None:
    """With several attendants, until nothing is left."""
    tasks = [asyncio.create_task(queue.attend(look)) for _ in range(times)]
    async with asyncio.timeout(5):
        await queue.until_quiet()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_slot_told_many_times_is_looked_at_once() -> None:
    queue, seen = SlotQueue(), list[Slot]()

    async def look(slot: Slot) -> bool:
        seen.append(slot)
        return True

    for slot in (A, B, A, A):
        queue.add(slot)
    await attended(queue, look, 3)
    assert seen == [A, B]


async def test_a_slot_is_never_attended_twice_at_a_time_and_comes_again() -> None:
    queue, busy, most, seen = SlotQueue(), 0, 0, 0

    async def look(slot: Slot) -> bool:
        nonlocal busy, most, seen
        busy, seen = busy + 1, seen + 1
        most = max(most, busy)
        if seen == 1:
            queue.add(slot)
            queue.add(slot)
        await asyncio.sleep(0)
        busy -= 1
        return True

    queue.add(A)
    await attended(queue, look, 3)
    assert (most, seen) == (1, 2)


async def test_a_slot_that_failed_comes_back_until_it_went_well() -> None:
    queue, seen = SlotQueue(first_pause=0.001), 0

    async def look(slot: Slot) -> bool:
        nonlocal seen
        seen += 1
        return seen == 4

    queue.add(A)
    await attended(queue, look, 1)
    assert seen == 4
