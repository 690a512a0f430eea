"""Errors end a step only when every condition holds."""

import pytest

from tests.unit.guard.looks import RULE, first_trip, look
from workflows.errors import Reason
from workflows.exact_tests import p_worse_than, p_worse_than_rate
from workflows.guard import plainly_failing
from workflows.model.live import Counts, GuardRule, GuardState, Moments

SICK = look(canary=(5, 3))


def test_a_canary_that_plainly_fails_ends_the_step_with_its_numbers() -> None:
    tripped = first_trip([SICK] * 10)
    assert tripped is not None
    number, trip = tripped
    assert number == 3
    assert trip.reason is Reason.GUARD_ERRORS
    assert (trip.failed, trip.requests) == (9, 15)
    assert (trip.primary_failed, trip.primary_requests) == (0, 135)
    assert trip.burstiness == 1.0
    assert trip.p_primary is not None
    assert trip.p_primary < RULE.p_value
    assert trip.p_allowed is not None
    assert trip.p_allowed < RULE.p_value
    assert "9 of 15 requests (60.0%)" in trip.message
    assert "1.00% allowed" in trip.message


def test_a_disabled_guard_never_trips() -> None:
    assert first_trip([SICK] * 100, GuardRule(enabled=False)) is None


def test_too_few_failures_do_not_trip_however_unlikely() -> None:
    looks = [look(canary=(1, 1), primary=(10_000, 0))] * 4
    assert first_trip(looks) is None
    assert first_trip([*looks, looks[0]]) is not None


def test_failures_in_too_few_looks_do_not_trip() -> None:
    crowded = [look(canary=(50, 50), primary=(450, 0))] * 2 + [look()] * 20
    assert first_trip(crowded) is None
    assert first_trip([*crowded, look(canary=(5, 1))]) is not None


def test_a_canary_as_sick_as_the_primary_does_not_trip() -> None:
    assert first_trip([look(canary=(10, 5), primary=(90, 45))] * 1200) is None


def test_a_canary_worse_than_the_primary_but_within_the_manifest_does_not_trip() -> None:
    looks = [look(canary=(100, 4), primary=(900, 0))] * 200
    assert first_trip(looks, GuardRule(min_success_rate=95)) is None
    assert first_trip(looks, GuardRule(min_success_rate=99)) is not None


def test_a_canary_a_little_worse_than_a_sick_primary_does_not_trip() -> None:
    looks = [look(canary=(10, 4), primary=(90, 30))] * 20
    assert first_trip(looks, before=Moments()) is None


def test_division_rounds_in_favour_of_the_canary() -> None:
    state = GuardState(
        primary=Counts(requests=1001, failed=22),
        canary=Counts(requests=201, failed=63),
        looks_with_failures=20,
    )
    trip = plainly_failing(RULE, state, 4.0)
    assert trip is not None
    sample, reference = Counts(requests=51, failed=15), Counts(requests=250, failed=6)
    assert trip.p_primary == p_worse_than(sample, reference)
    assert trip.p_allowed == p_worse_than_rate(sample, 0.01)


def test_a_manifest_without_success_rate_allows_one_percent() -> None:
    looks = [look(canary=(100, 2), primary=(900, 0))] * 200
    assert first_trip(looks) == first_trip(looks, GuardRule(min_success_rate=99))


@pytest.mark.parametrize(("rate", "trips"), [(100, True), (0, False)])
def test_the_ends_of_the_allowed_rate(rate: float, *, trips: bool) -> None:
    assert (first_trip([SICK] * 20, GuardRule(min_success_rate=rate)) is not None) is trips


def test_without_primary_traffic_the_allowed_rate_decides_alone() -> None:
    found = first_trip([look(canary=(50, 50), primary=(0, 0))] * 100)
    assert found is not None
    assert found[1].p_primary is None
    assert first_trip([look(canary=(100, 1), primary=(0, 0))] * 100) is None


def test_a_bursty_primary_asks_for_more_evidence() -> None:
    bursty = Moments.of([0, 0, 0, 0, 0, 0, 0, 0, 0, 20] * 24)
    calm, wary = first_trip([SICK] * 100), first_trip([SICK] * 100, before=bursty)
    assert calm is not None
    assert wary is not None
    assert wary[0] > 3 * calm[0]
    assert wary[1].burstiness > 10


def test_bursts_of_the_primary_within_the_step_count_too() -> None:
    looks = [look(canary=(5, 1), primary=(45, 30 if n % 10 == 0 else 0)) for n in range(100)]
    tripped = first_trip(looks)
    assert tripped is None


def test_failures_counted_before_their_requests_do_not_upset_the_tests() -> None:
    assert first_trip([look(canary=(0, 3), primary=(45, 0))] * 3) is not None
    assert first_trip([look(canary=(0, 3), primary=(0, 30))] * 3) is None
