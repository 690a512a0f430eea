"""One look for many: how often Temporal is asked, whoever looks, and what they see in trouble."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.integration.patience import eventually
from worker.gateway import watching
from worker.gateway.watching import Shared

QUICK = 0.01


class Source:
    """Something to look at, that counts the looks."""

    def __init__(self) -> None:
        self.looks = 0
        self.value = 0

    async def look(self, before: int | None) -> int:
        self.looks += 1
        return self.value

    def shared(self) -> Shared[int]:
        return Shared(self.look, lambda _seen, _before: QUICK)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second is long in a test."""
    monkeypatch.setattr(watching, "EVERY", QUICK)


async def first(values: AsyncIterator[int]) -> int:
    async with asyncio.timeout(10):
        return await anext(values)


async def test_a_hundred_followers_cost_one_loop_and_all_see_the_change() -> None:
    source = Source()
    shared = source.shared()
    began = asyncio.Event()

    async def follow() -> list[int]:
        async with shared.following() as values:
            seen = [await first(values)]
            began.set()
            seen.append(await first(values))
            return seen

    async with asyncio.TaskGroup() as group:
        following = [group.create_task(follow()) for _ in range(100)]
        await began.wait()
        before = source.looks
        await eventually(lambda: _is(source.looks > before + 3), "it looks on")
        assert source.looks < 50
        source.value = 7
    assert {tuple(each.result()) for each in following} == {(0, 7)}


async def test_nobody_looking_means_no_looks() -> None:
    source = Source()
    shared = source.shared()
    async with shared.following() as values:
        await first(values)
    assert shared.followers == 0
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "watching"]


async def test_looks_at_the_same_time_are_one() -> None:
    source = Source()
    shared = source.shared()
    assert await asyncio.gather(*(shared.now() for _ in range(20))) == [0] * 20
    assert source.looks == 1


async def test_after_somebody_has_changed_it_the_next_look_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "EVERY", 1_000.0)
    source = Source()
    shared = source.shared()
    await shared.now()
    source.value = 5
    assert await shared.now() == 0
    shared.forget()
    assert await shared.now() == 5


async def test_a_slow_follower_misses_what_lies_between_and_gets_the_newest() -> None:
    source = Source()
    shared = source.shared()
    async with shared.following() as values:
        assert await first(values) == 0
        for value in (1, 2, 3):
            source.value = value
            await eventually(lambda: _is(shared.newest == source.value), "it is seen")
        assert await first(values) == 3


async def test_a_loop_that_fails_is_an_error_for_those_who_follow() -> None:
    async def broken(_before: int | None) -> int:
        raise ValueError("bug")

    shared = Shared(broken, lambda _seen, _before: QUICK)
    with pytest.raises(ValueError, match="bug"):
        async with shared.following() as values:
            await first(values)


async def _is(value: bool) -> bool:
    return value
