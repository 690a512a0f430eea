"""Idempotency keys: once, across restarts, for a day."""

import asyncio
from pathlib import Path

import pytest

from worker.gateway.api.keys import KEPT_FOR, Kept, Keys, KeysLost, KeyTaken, key_of

ANSWER = Kept(status=202, headers={"etag": '"1"'}, body="{}")


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_an_answer_is_kept_over_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    keys = Keys(tmp_path / "keys.sqlite", clock)
    async with keys.claimed("k", "digest") as kept:
        assert kept is None
        await keys.keep("k", ANSWER)
    async with Keys(tmp_path / "keys.sqlite", clock).claimed("k", "digest") as kept:
        assert kept == ANSWER


async def test_a_request_that_failed_may_be_made_again_but_not_another(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys.sqlite", Clock())
    async with keys.claimed("k", "digest"):
        pass
    async with keys.claimed("k", "digest") as kept:
        assert kept is None
    with pytest.raises(KeyTaken):
        async with keys.claimed("k", "other"):
            pass


async def test_of_two_at_once_the_second_waits_for_the_answer_of_the_first(
    tmp_path: Path,
) -> None:
    keys = Keys(tmp_path / "keys.sqlite", Clock())
    done: list[str] = []

    async def ask() -> None:
        async with keys.claimed("k", "digest") as kept:
            done.append("again" if kept else "first")
            if kept is None:
                await asyncio.sleep(0)
                await keys.keep("k", ANSWER)

    await asyncio.gather(*(ask() for _ in range(5)))
    assert sorted(done) == ["again"] * 4 + ["first"]


async def test_a_key_is_forgotten_after_a_day(tmp_path: Path) -> None:
    clock = Clock()
    keys = Keys(tmp_path / "keys.sqlite", clock)
    async with keys.claimed("k", "digest"):
        await keys.keep("k", ANSWER)
    clock.now += KEPT_FOR + 1
    async with keys.claimed("k", "other") as kept:
        assert kept is None


async def test_a_file_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "keys.sqlite").mkdir()
    with pytest.raises(KeysLost, match=r"keys\.sqlite"):
        async with Keys(tmp_path / "keys.sqlite", Clock()).claimed("k", "digest"):
            pass


def test_two_people_may_think_of_the_same_key() -> None:
    assert key_of("ana", "1") != key_of("ben", "1")
    assert key_of("ana", "1") == key_of("ana", "1")
