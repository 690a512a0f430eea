"""What holds for any looks whatever."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.guard.looks import RULE, answered
from workflows.errors import Reason
from workflows.guard import look_at, observe, trip
from workflows.model.live import Counts, GuardState, Look, Moments, Trip

SIDE = st.builds(answered, st.integers(0, 500), st.integers(0, 500))
LOOK = st.builds(
    Look,
    at=st.floats(0, 1e6),
    primary=SIDE,
    canary=SIDE,
    canary_ready=st.none() | st.integers(0, 3),
)
LOOKS = st.lists(LOOK, max_size=30)
BEFORE = st.lists(st.integers(0, 50), max_size=240).map(Moments.of)


def after(looks: list[Look], before: Moments) -> GuardState:
    return reduce(observe, looks, GuardState(before=before))


def trip_for_errors(state: GuardState) -> Trip | None:
    found = trip(RULE, state)
    return found if found and found.reason is Reason.GUARD_ERRORS else None


@given(LOOKS, BEFORE)
def test_no_trip_for_errors_unless_the_canary_fails_more_often(
    looks: list[Look], before: Moments
) -> None:
    found = trip_for_errors(after(looks, before))
    if found:
        share = found.failed / found.requests
        assert share > found.primary_failed / found.primary_requests
        assert share > RULE.allowed_failure_rate
        assert found.failed >= RULE.min_failures


@given(LOOKS, BEFORE)
def test_the_canary_given_the_primary_s_counts_never_trips(
    looks: list[Look], before: Moments
) -> None:
    same = [each.model_copy(update={"canary": each.primary}) for each in looks]
    assert trip_for_errors(after(same, before)) is None


@given(LOOKS.flatmap(lambda looks: st.tuples(st.just(looks), st.permutations(looks))), BEFORE)
def test_the_order_of_looks_does_not_change_what_errors_say(
    orders: tuple[list[Look], list[Look]], before: Moments
) -> None:
    forward, shuffled = orders
    assert trip_for_errors(after(forward, before)) == trip_for_errors(after(shuffled, before))


@given(LOOKS, BEFORE, LOOK)
def test_a_state_that_travelled_in_a_heartbeat_goes_on_the_same(
    looks: list[Look], before: Moments, following: Look
) -> None:
    state = after(looks, before)
    travelled = GuardState.model_validate_json(state.model_dump_json())
    assert travelled == state
    assert look_at(RULE, travelled, following) == look_at(RULE, state, following)


@given(st.lists(LOOK, min_size=200, max_size=200))
def test_a_state_stays_small(looks: list[Look]) -> None:
    assert len(after(looks, Moments()).model_dump_json()) < 500


@given(SIDE.filter(lambda side: side.failed >= 3), BEFORE)
def test_more_burstiness_never_makes_a_trip(canary: Counts, before: Moments) -> None:
    looks = [Look(at=n, primary=Counts(requests=900), canary=canary) for n in range(3)]
    if trip_for_errors(after(looks, before)):
        assert trip_for_errors(after(looks, Moments(looks=before.looks))) is not None
