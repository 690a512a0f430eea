"""When ticks are due."""

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes_observe import a_request, an_analysis
from workflows import tally

instants = st.floats(1e9, 2e9)
intervals = st.floats(0.1, 3_600)


@given(instants, st.floats(0, 0.4), intervals)
def test_small_delays_do_not_add_up(due: float, late: float, interval: float) -> None:
    assert tally.next_tick_at(due, due + late * interval, interval) == due + interval


@given(instants, st.floats(-1e6, 1e6), intervals)
def test_there_is_never_a_burst(due: float, late: float, interval: float) -> None:
    started = due + late
    assert tally.next_tick_at(due, started, interval) - started >= interval * 0.4


@given(instants, st.floats(-1e6, 1e6), intervals)
def test_no_tick_is_further_away_than_one_and_a_half_intervals(
    due: float, late: float, interval: float
) -> None:
    started = due + late
    assert tally.next_tick_at(due, started, interval) - started <= interval * 1.6


def test_the_first_tick_comes_after_an_interval_of_traffic() -> None:
    assert tally.first_tick_at(a_request(an_analysis(interval=10)), 100.0) == 110.0


def test_the_first_tick_comes_at_once_when_told() -> None:
    assert tally.first_tick_at(a_request(an_analysis(interval=10), at_once=True), 100.0) == 100.0
