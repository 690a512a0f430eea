"""The folder: atomic writes, a full disk, locks and short sockets."""

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.claims import PastRun
from activities.local.home import RESERVE_BYTES, Home
from activities.local.ports import PortLedger
from activities.local.state import TargetState, TargetStore
from tests.activities.local.small_disk import fill, small_file_system
from workflows.errors import Reason
from workflows.model.identity import Fence, Slot
from workflows.model.requests import Outcome

SHOP = Slot(name="shop")


def a_fence(generation: int, sequence: int = 0) -> Fence:
    return Fence(run_id=f"run-{generation}", generation=generation, sequence=sequence)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Home]:
    with small_file_system(tmp_path, "1m") as folder:
        home = Home(folder)
        home.prepare()
        yield home


def test_a_full_disk_is_told_and_leaves_the_old_file(small_disk: Home) -> None:
    path = small_disk.target(SHOP)
    small_disk.write(path, "old")
    fill(small_disk)

    with pytest.raises(ApplicationError, match="no space left") as refused:
        small_disk.write(path, "new" * 10_000)

    assert refused.value.type == Reason.STORAGE_FULL
    assert not refused.value.non_retryable
    assert path.read_text() == "old"
    assert list((small_disk.root / "drafts").iterdir()) == []


def test_a_restore_is_written_on_a_full_disk(small_disk: Home) -> None:
    path = small_disk.target(SHOP)
    small_disk.write(path, "old")
    fill(small_disk)
    small_disk.write(path, "new" * 10_000, urgent=True)

    assert path.read_text() == "new" * 10_000


def test_a_file_that_says_so_already_is_kept_on_a_full_disk(small_disk: Home) -> None:
    path = small_disk.target(SHOP)
    assert small_disk.keep(path, "old")
    fill(small_disk)
    assert not small_disk.keep(path, "old")
    with pytest.raises(ApplicationError, match="no space left"):
        small_disk.keep(path, "new" * 10_000)


def test_the_reserve_is_taken_again_when_there_is_room(small_disk: Home) -> None:
    assert small_disk.reserve.stat().st_size == RESERVE_BYTES
    path = small_disk.target(SHOP)
    filler = fill(small_disk)
    small_disk.write(path, "new" * 10_000, urgent=True)
    assert not small_disk.reserve.exists()
    filler.unlink()
    small_disk.write(path, "newer")

    assert small_disk.reserve.stat().st_blocks * 512 >= RESERVE_BYTES


async def test_a_slot_is_edited_by_one_at_a_time(home: Home) -> None:
    """Two stores, as of two workers; a lost update would show as a missing outcome."""

    async def add(store: TargetStore, generation: int) -> None:
        async with store.write(SHOP, a_fence(7)) as edit:
            state = edit.state
            await asyncio.sleep(0)
            await edit.save(state.but(step=f"{state.step}{generation}"))

    stores = (TargetStore(home), TargetStore(home))
    await asyncio.gather(*(add(stores[number % 2], number % 10) for number in range(20)))

    assert sorted((await stores[0].read(SHOP)).step) == sorted("0123456789" * 2)


async def test_an_older_write_is_refused_even_by_another_worker(home: Home) -> None:
    async with TargetStore(home).write(SHOP, a_fence(2)):
        pass
    with pytest.raises(ApplicationError, match="newer write") as refused:
        async with TargetStore(home).write(SHOP, a_fence(1, 99)):
            pass
    assert refused.value.type == Reason.FENCED


async def test_a_write_that_fails_gives_the_slot_back(home: Home) -> None:
    store = TargetStore(home)
    with pytest.raises(RuntimeError):
        async with store.write(SHOP, a_fence(1)):
            raise RuntimeError
    async with asyncio.timeout(5), store.write(SHOP, a_fence(1)):
        pass


async def test_a_cancelled_write_is_finished_before_the_slot_is_free(home: Home) -> None:
    store = TargetStore(home)
    entered = asyncio.Event()

    async def write() -> None:
        async with store.write(SHOP, a_fence(1)) as edit:
            entered.set()
            await edit.save(edit.state.but(step="x" * 5_000_000))

    task = asyncio.create_task(write())
    await entered.wait()
    await asyncio.sleep(0)
    task.cancel()
    async with store.write(SHOP, a_fence(1)) as edit:
        assert len(edit.state.step) == 5_000_000
    assert (await asyncio.gather(task, return_exceptions=True))[0] is not None


async def test_fifty_outcomes_are_kept(home: Home) -> None:
    state = TargetState()
    for number in range(60):
        state = state.and_past(
            PastRun(revision=f"r{number}", outcome=Outcome.PROMOTED, started_at=0, ended_at=1)
        )

    assert [run.revision for run in state.history] == [f"r{number}" for number in range(10, 60)]


async def test_a_state_file_that_cannot_be_read_is_told(home: Home) -> None:
    home.write(home.target(SHOP), "{ not json")
    with pytest.raises(ApplicationError, match=r"shop\.json cannot be read"):
        await TargetStore(home).read(SHOP)


def test_ports_are_claimed_once(home: Home) -> None:
    ledger = PortLedger(home)
    first = ledger.claim(SHOP, 3, frozenset())
    second = ledger.claim(Slot(name="other"), 3, frozenset())

    assert len({*first, *second}) == 6


def test_ports_that_a_lost_worker_claimed_are_given_up(home: Home) -> None:
    ledger = PortLedger(home)
    kept = ledger.claim(SHOP, 1, frozenset())
    ledger.claim(SHOP, 2, frozenset(kept))
    ledger.claim(SHOP, 1, frozenset(kept))

    assert len(list(home.ports.iterdir())) == 2


def test_the_socket_of_a_deep_home_is_short(tmp_path: Path) -> None:
    deep = Home(tmp_path / ("x" * 120) / "home")
    shallow = Home(Path("/srv/serinus"))

    assert len(str(deep.socket)) < 100
    assert deep.socket == Home(deep.root).socket
    assert deep.socket.parent.stat().st_mode & 0o077 == 0
    assert shallow.socket == Path("/srv/serinus/supervisor/socket")
    deep.socket.parent.rmdir()
