"""Two scrapes make a look; a counter that restarted counts from zero."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.guard.looks import answered
from workflows.model.live import Counts, Look, Moments, Totals, counters_to_look

COUNTS = st.builds(answered, st.integers(0, 10**9), st.integers(0, 10**9))


def counts(requests: int, failed: int) -> Counts:
    return Counts(requests=requests, failed=failed)


@pytest.mark.parametrize(
    ("earlier", "later", "between"),
    [
        (counts(100, 5), counts(150, 7), counts(50, 2)),
        (counts(100, 5), counts(100, 5), counts(0, 0)),
        (counts(100, 5), counts(30, 7), counts(30, 7)),
        (counts(100, 5), counts(120, 1), counts(120, 1)),
        (counts(0, 0), counts(9, 9), counts(9, 9)),
        (counts(100, 5), counts(100, 7), counts(2, 2)),
    ],
    ids=["grew", "idle", "restarted", "restarted-and-overtook", "first", "request-not-yet-counted"],
)
def test_differences_of_cumulative_counts(earlier: Counts, later: Counts, between: Counts) -> None:
    assert later.since(earlier) == between


def test_sides_restart_independently() -> None:
    before = Totals(at=1, primary=counts(1000, 10), canary=counts(500, 50), canary_ready=2)
    after = Totals(at=1.5, primary=counts(1045, 11), canary=counts(5, 1), canary_ready=0)
    assert counters_to_look(before, after) == Look(
        at=1.5, primary=counts(45, 1), canary=counts(5, 1), canary_ready=0
    )


@given(COUNTS, COUNTS)
def test_what_was_added_comes_back(start: Counts, added: Counts) -> None:
    assert start.plus(added).since(start) == added


@given(COUNTS, COUNTS)
def test_a_difference_is_always_possible_counts(earlier: Counts, later: Counts) -> None:
    between = later.since(earlier)
    assert 0 <= between.failed <= between.requests


@given(st.lists(st.integers(0, 1000), min_size=2).filter(any))
def test_burstiness_is_variance_over_mean(seen: list[int]) -> None:
    expected = max(1.0, statistics.variance(seen) / statistics.mean(seen))
    assert Moments.of(seen).burstiness == pytest.approx(expected)


@given(st.lists(st.integers(0, 1000)), st.lists(st.integers(0, 1000)))
def test_moments_add_up_one_by_one_and_all_at_once(first: list[int], second: list[int]) -> None:
    stepwise = Moments()
    for count in first + second:
        stepwise = stepwise.and_count(count)
    assert stepwise == Moments.of(first).plus(Moments.of(second))


@pytest.mark.parametrize("seen", [[], [7], [0, 0, 0]])
def test_burstiness_is_one_when_nothing_can_be_said(seen: list[int]) -> None:
    assert Moments.of(seen).burstiness == 1.0
