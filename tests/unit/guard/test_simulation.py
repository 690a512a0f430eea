"""The guard over hundreds of simulated ten-minute steps: never wrong, and soon right."""

from dataclasses import replace
from statistics import median

import pytest

from tests.bench.guard_simulation import World, detection_times, false_trips

STEPS = 300
IN_BURSTS_OF_5 = World(burst=5, across=False)


@pytest.mark.parametrize(
    "world",
    [World(), replace(IN_BURSTS_OF_5, burst=20)],
    ids=["independent", "bursts-of-20"],
)
def test_a_healthy_canary_never_trips(world: World) -> None:
    divided, _ = false_trips(world, STEPS)
    assert divided == 0


def test_division_by_burstiness_is_what_prevents_false_trips() -> None:
    divided, undivided = false_trips(IN_BURSTS_OF_5, STEPS)
    assert divided == 0
    assert undivided > 0.05 * STEPS


def test_runs_that_strike_both_versions_never_trip() -> None:
    divided, _ = false_trips(World(burst=20, across=True), 50)
    assert divided == 0


@pytest.mark.parametrize(
    ("failing", "earliest", "latest"),
    [(1 / 2, 1.5, 1.5), (1 / 3, 2.0, 2.5), (1 / 10, 6.5, 9.5)],
    ids=["half", "a-third", "a-tenth"],
)
def test_a_sick_canary_is_seen_within_seconds(
    failing: float, earliest: float, latest: float
) -> None:
    times = detection_times(World(canary_failing=failing, seconds=60), 200)
    assert earliest <= median(times) <= latest
