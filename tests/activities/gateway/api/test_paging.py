"""Pages: whatever comes and goes between two requests, nobody is missed or met twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.gateway.api.paging import ForeignCursor, page_of

NAMES = st.sets(st.text(min_size=1, max_size=6), max_size=30)


@given(
    steady=NAMES,
    comings=st.lists(NAMES, min_size=1, max_size=40),
    limit=st.integers(min_value=1, max_value=7),
)
def test_who_is_there_all_the_time_is_met_exactly_once(
    steady: set[str], comings: list[set[str]], limit: int
) -> None:
    met: list[str] = []
    cursor: str | None = None
    for number in range(1_000):
        there = steady | comings[number % len(comings)]
        page = page_of(there, str, filters="", cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        met += page.items
        cursor = page.cursor
        if cursor is None:
            break
    assert cursor is None
    assert [name for name in met if name in steady] == sorted(steady)
    assert len(set(met)) == len(met)


@given(rows=NAMES, limit=st.integers(min_value=1, max_value=40))
def test_there_is_a_cursor_exactly_if_there_is_more(rows: set[str], limit: int) -> None:
    page = page_of(rows, str, filters="", cursor=None, limit=limit)
    assert (page.cursor is not None) is (len(rows) > limit)


@pytest.mark.parametrize("cursor", ["x", "not base64!", "é", "AAAA", "", "aGVsbG8gd29ybGQ"])
def test_a_cursor_that_was_never_given_is_refused(cursor: str) -> None:
    with pytest.raises(ForeignCursor):
        page_of(["a", "b"], str, filters="", cursor=cursor, limit=1)


def test_a_cursor_counts_for_its_own_filters_only() -> None:
    page = page_of(["a", "b"], str, filters="waiting", cursor=None, limit=1)
    with pytest.raises(ForeignCursor, match="other filters"):
        page_of(["a", "b"], str, filters="all", cursor=page.cursor, limit=1)
