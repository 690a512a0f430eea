import asyncio
from pathlib import Path

import pytest

from worker import connection
from worker.settings import Settings
from worker.stack import ports


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "none.toml"))


async def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(connection.TemporalUnreachable, match="`serinus up`"):
        await connection.connect(Settings(home=tmp_path))


async def test_an_unreachable_server_is_one_short_line(tmp_path: Path) -> None:
    known = ports.claim(tmp_path, usual=False)
    with pytest.raises(connection.TemporalUnreachable) as caught:
        await connection.connect(Settings(home=tmp_path), patience=0.3)
    text = str(caught.value)
    assert known.temporal_address in text
    assert "Connection refused" in text
    assert len(text) < 200
    assert "\n" not in text


async def test_waiting_for_temporal_ends_when_the_program_is_to_stop(tmp_path: Path) -> None:
    ports.claim(tmp_path, usual=False)
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, stop.set)
    async with asyncio.timeout(10):
        found = await connection.connect_unless(stop, Settings(home=tmp_path), patience=3_600)
    assert found is None


async def test_an_unreachable_server_is_an_error_too_where_stopping_is_watched(
    tmp_path: Path,
) -> None:
    ports.claim(tmp_path, usual=False)
    with pytest.raises(connection.TemporalUnreachable):
        await connection.connect_unless(asyncio.Event(), Settings(home=tmp_path), patience=0.3)


def test_the_configuration_of_the_sdk_goes_before_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ports.claim(tmp_path, usual=False)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.test:7233")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "shops")
    found = connection.target(Settings(home=tmp_path))
    assert (found.get("target_host"), found.get("namespace")) == ("temporal.test:7233", "shops")
    own = connection.target(Settings(home=tmp_path, stack_only=True))
    assert (own.get("target_host"), own.get("namespace")) == (known.temporal_address, "default")
