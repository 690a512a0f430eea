"""Looks in one line, for the tests beside this file."""

from collections.abc import Iterable

from workflows.guard import look_at
from workflows.model.live import Counts, GuardRule, GuardState, Look, Moments, Trip

RULE = GuardRule()
QUIET = Moments.of([0] * 240)


def answered(well: int, failed: int) -> Counts:
    return Counts(requests=well + failed, failed=failed)


def look(
    canary: tuple[int, int] = (5, 0),
    primary: tuple[int, int] = (45, 0),
    *,
    at: float = 0.0,
    ready: int | None = 1,
) -> Look:
    """Each side as (requests, failed)."""
    return Look(
        at=at,
        primary=Counts(requests=primary[0], failed=primary[1]),
        canary=Counts(requests=canary[0], failed=canary[1]),
        canary_ready=ready,
    )


def first_trip(
    looks: Iterable[Look], rule: GuardRule = RULE, before: Moments = QUIET
) -> tuple[int, Trip] | None:
    """The first trip and the number of looks it took."""
    state = GuardState(before=before)
    for number, each in enumerate(looks, start=1):
        state, trip = look_at(rule, state, each)
        if trip:
            return number, trip
    return None
