"""No ready canary process for ten watched seconds ends the step."""

from collections.abc import Iterable

from tests.unit.guard.looks import first_trip, look
from workflows.errors import Reason
from workflows.model.live import GuardRule, GuardState, Look


def watched(ready: Iterable[int | None], every: float = 0.5) -> list[Look]:
    return [look(at=number * every, ready=count) for number, count in enumerate(ready)]


def test_ten_seconds_without_a_ready_process_trip() -> None:
    tripped = first_trip(watched([0] * 30))
    assert tripped is not None
    number, trip = tripped
    assert number == 21
    assert trip.reason is Reason.GUARD_NOT_READY
    assert trip.message == "no canary process has been ready for 10.0 s"
    assert (trip.p_primary, trip.p_allowed) == (None, None)


def test_one_ready_look_starts_the_count_again() -> None:
    assert first_trip(watched(([0] * 20 + [1]) * 5)) is None


def test_unknown_readiness_never_trips() -> None:
    assert first_trip(watched([None] * 100)) is None


def test_unknown_looks_neither_count_nor_forgive() -> None:
    tripped = first_trip(watched([0] * 11 + [None] * 10 + [0] * 30))
    assert tripped is not None
    assert tripped[0] == 11 + 10 + 11


def test_seconds_in_which_nobody_watched_do_not_count() -> None:
    assert first_trip(watched([0] * 30, every=30)) is None


def test_a_worker_with_another_clock_goes_on_counting() -> None:
    before, after = watched([0] * 11), [look(at=n * 0.5 - 5_000, ready=0) for n in range(30)]
    tripped = first_trip([*before, *after])
    assert tripped is not None
    assert tripped[0] == 11 + 11


def test_the_wait_is_settable_and_the_guard_can_be_off() -> None:
    tripped = first_trip(watched([0] * 30), GuardRule(not_ready_after=3))
    assert tripped is not None
    assert tripped[0] == 7
    assert first_trip(watched([0] * 30), GuardRule(enabled=False)) is None


def test_a_fresh_state_has_waited_for_nothing() -> None:
    assert GuardState().not_ready_for == 0
