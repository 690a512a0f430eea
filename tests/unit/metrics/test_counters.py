import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.metrics.counters import NOTHING, ServiceCounters, quantile
from activities.metrics.history import KEPT_SECONDS, LONGEST_GAP, History

INF = math.inf
BOUNDS = (0.1, 0.5, 1.0, INF)
SHOP = "default-shop-canary@file"


def counted(requests: int, failed: int = 0, *buckets: int) -> ServiceCounters:
    return ServiceCounters(requests, failed, BOUNDS[-len(buckets) :] if buckets else (), buckets)


@st.composite
def scraped(draw: st.DrawFn) -> ServiceCounters:
    """Any counters, consistent in themselves; two draws know nothing of each other: restarts."""
    buckets = sorted(draw(st.lists(st.integers(0, 1000), min_size=4, max_size=4)))
    bounds = draw(st.sampled_from([BOUNDS, (0.2, 0.4, 0.6, INF)]))
    return ServiceCounters(buckets[-1], draw(st.integers(0, buckets[-1])), bounds, tuple(buckets))


@given(st.lists(st.none() | scraped(), min_size=2, max_size=30), st.floats(0, 100))
def test_a_window_is_never_negative_whatever_restarts(
    pages: list[ServiceCounters | None], seconds: float
) -> None:
    history = History()
    for at, page in enumerate(pages):
        history.add(float(at), {} if page is None else {SHOP: page})
        if window := history.window(SHOP, seconds):
            assert 0 <= window.counted.failed <= window.counted.requests
            assert all(count >= 0 for count in window.counted.buckets)
            assert list(window.counted.buckets) == sorted(window.counted.buckets)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.sets(st.integers(0, 29)))
def test_restarts_lose_no_request_that_was_scraped(more: list[int], restarts: set[int]) -> None:
    history, total = History(), 0
    history.add(0.0, {SHOP: counted(7)})
    raw = 7
    for step, count in enumerate(more):
        # A restart shows only if the counter is lower than it was.
        raw = count if step in restarts and count < raw else raw + count
        total += count
        history.add(step + 1.0, {SHOP: counted(raw)})
    window = history.window(SHOP, 1000)
    assert window is not None
    assert window.counted.requests == total


def test_a_service_that_goes_and_comes_again_counts_from_zero() -> None:
    history = History()
    history.add(0, {SHOP: counted(100, 40)})
    history.add(1, {})
    history.add(2, {SHOP: counted(150, 0)})
    window = history.window(SHOP, 10)
    assert window is not None
    assert (window.counted.requests, window.counted.failed) == (150, 0)


def test_a_service_seen_for_the_first_time_had_no_requests_before() -> None:
    history = History()
    history.add(0, {})
    history.add(0.5, {SHOP: counted(3, 2)})
    window = history.window(SHOP, 10)
    assert window is not None
    assert (window.counted.requests, window.counted.failed) == (3, 2)


def test_what_the_router_counted_before_the_first_scrape_is_not_in_a_window() -> None:
    history = History()
    history.add(0, {SHOP: counted(1_000_000, 5)})
    assert history.window(SHOP, 10) is None
    history.add(0.5, {SHOP: counted(1_000_010, 5)})
    window = history.window(SHOP, 10)
    assert window is not None
    assert (window.seconds, window.counted.requests) == (0.5, 10)


def test_a_window_starts_at_the_scrape_nearest_to_its_length() -> None:
    history = History()
    for tenth in range(0, 400, 5):
        history.add(tenth / 10, {SHOP: counted(tenth)})
    window = history.window(SHOP, 10.1)
    assert window is not None
    assert (window.seconds, window.counted.requests) == (10.0, 100)


def test_a_window_does_not_look_behind_since() -> None:
    history = History()
    history.add(0, {SHOP: counted(0)})
    history.add(1, {SHOP: counted(50, 50)})
    history.add(2, {SHOP: counted(60, 50)})
    window = history.window(SHOP, 60, since=0.5)
    assert window is not None
    assert (window.counted.requests, window.counted.failed) == (10, 0)
    assert history.window(SHOP, 60, since=1.5) is None


def test_ten_minutes_are_kept_thinned_when_old_and_no_more() -> None:
    history = History()
    for tick in range(4000):
        history.add(tick / 2, {SHOP: counted(tick)})
    kept = history.since(0)
    assert len(kept) < 450
    assert 1999.5 - kept[0].at == pytest.approx(KEPT_SECONDS, abs=6)
    ten_minutes = history.window(SHOP, 590)
    assert ten_minutes is not None
    assert ten_minutes.counted.requests == 2 * ten_minutes.seconds
    assert ten_minutes.seconds == pytest.approx(590, abs=3)


def test_a_long_time_without_scrapes_ends_the_history_but_counters_still_only_grow() -> None:
    history = History()
    history.add(0, {SHOP: counted(100)})
    history.add(1, {SHOP: counted(110)})
    after = history.add(2 + LONGEST_GAP, {SHOP: counted(20)})
    assert history.window(SHOP, 60) is None
    assert after.of(SHOP).requests == 130


def test_a_router_restarted_with_other_buckets_begins_a_new_history() -> None:
    history = History()
    history.add(0, {SHOP: counted(10, 0, 10, 10, 10, 10)})
    history.add(1, {SHOP: counted(20, 0, 20, 20, 20, 20)})
    history.add(2, {SHOP: ServiceCounters(5, 0, (0.2, INF), (4, 5))})
    assert history.window(SHOP, 60) is None
    history.add(3, {SHOP: ServiceCounters(15, 0, (0.2, INF), (9, 15))})
    window = history.window(SHOP, 60)
    assert window is not None
    assert window.counted == ServiceCounters(10, 0, (0.2, INF), (5, 10))


def test_a_histogram_that_comes_a_scrape_later_than_its_requests_is_counted_whole() -> None:
    history = History()
    history.add(0, {})
    history.add(1, {SHOP: counted(3)})
    history.add(2, {SHOP: counted(4, 0, 4, 4, 4, 4)})
    window = history.window(SHOP, 60)
    assert window is not None
    assert window.counted == counted(4, 0, 4, 4, 4, 4)


@pytest.mark.parametrize(
    ("q", "buckets", "expected"),
    [
        (0.99, (100, 100, 100, 100), 0.099),
        (0.5, (0, 100, 100, 100), 0.3),
        (0.99, (98, 98, 100, 100), 0.75),
        (0.99, (50, 50, 50, 100), 1.0),
        (0.99, (0, 0, 0, 0), None),
        (0.0, (0, 10, 10, 10), 0.0),
    ],
)
def test_a_quantile_is_interpolated_as_prometheus_does(
    q: float, buckets: tuple[int, ...], expected: float | None
) -> None:
    assert quantile(q, BOUNDS, buckets) == pytest.approx(expected)


@given(scraped(), st.floats(0, 1), st.floats(0, 1))
def test_a_quantile_grows_with_q_and_stays_within_the_bounds(
    counters: ServiceCounters, one: float, other: float
) -> None:
    low, high = counters.quantile(min(one, other)), counters.quantile(max(one, other))
    if low is None or high is None:
        assert counters.buckets[-1] == 0
        return
    assert 0 <= low <= high + 1e-9
    assert high <= counters.bounds[-2] + 1e-9


def test_a_success_rate_that_is_exactly_the_limit_is_exactly_it() -> None:
    for hundreds in range(1, 500):
        assert counted(100 * hundreds, hundreds).success_rate == 99.0
    assert NOTHING.success_rate is None
