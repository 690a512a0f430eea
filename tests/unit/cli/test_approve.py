"""The conditions that a person can type with an approval."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from worker.cli.exits import CommandFailed
from worker.cli.verbs import instant


@pytest.fixture
def two_hours_ahead() -> Iterator[None]:
    """Of UTC, all year round."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", "EET-2")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("two_hours_ahead")
@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-31T18:00Z", "2026-01-31T18:00:00+00:00"),
        ("2026-01-31T18:00+01:00", "2026-01-31T17:00:00+00:00"),
        ("2026-01-31T18:00", "2026-01-31T16:00:00+00:00"),
        ("2026-01-31 18:00:30", "2026-01-31T16:00:30+00:00"),
    ],
)
def test_a_time_without_a_zone_is_of_this_place(text: str, utc: str) -> None:
    assert datetime.fromtimestamp(instant(text), UTC).isoformat() == utc


@pytest.mark.usefixtures("two_hours_ahead")
def test_a_time_without_a_date_is_today() -> None:
    given = datetime.fromtimestamp(instant("18:00")).astimezone()
    assert (given.hour, given.minute) == (18, 0)
    assert abs(given.timestamp() - time.time()) < 86_400


@pytest.mark.parametrize("text", ["soon", "", "25:00", "2026-13-01T00:00Z", "1800"])
def test_what_is_no_time_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(CommandFailed, match="2026-01-31T18:00Z"):
        instant(text)
