"""How often the guard is wrong and how soon it is right, by simulation with a fixed seed.

`python -m tests.bench.guard_simulation` prints the table; tests/unit/guard holds it to its limits.

Users send a constant 100 requests/s, a look is half a second. Failures of the service itself come
in runs of `burst` consecutive requests, at the same error rate in all. Each request goes to either
version by lot. A run either strikes whichever version its requests land on (a shared dependency
fails) or consecutive requests of one version (one of its processes fails): the harder case, since
the primary then knows nothing of the canary's runs.
"""

import sys
import time
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
import numpy.typing as npt

from tests.bench.table import judged, show
from workflows.guard import look_at, observe, plainly_failing
from workflows.model.live import Counts, GuardRule, GuardState, Look, Moments

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

RULE = GuardRule()
SEED = 20
LOOK = 0.5
HISTORY_LOOKS = 240


@dataclass(frozen=True)
class World:
    """The traffic of one kind of step."""

    burst: int = 1
    """Consecutive requests that fail together."""
    across: bool = True
    """A run strikes across versions; otherwise each version has its own."""
    canary_failing: float = 0.0
    """Share of the canary's answers that fail by its own fault, from the start of the step."""
    error_rate: float = 0.01
    share: float = 0.10
    requests_per_second: int = 100
    seconds: int = 600
    history_looks: int = HISTORY_LOOKS


KINDS = (World(), *(World(burst=k, across=across) for across in (True, False) for k in (5, 20)))
"""Kinds of failure that a healthy canary must survive."""
HARDER = (
    *(replace(kind, history_looks=0) for kind in KINDS),
    *(replace(kind, share=share) for share in (0.5, 0.9) for kind in KINDS),
)


@dataclass(frozen=True)
class Step:
    """One simulated step: what was seen before it, and its looks."""

    before: Moments
    looks: tuple[Look, ...]


def simulate(world: World, rng: np.random.Generator) -> Step:
    per_look = int(world.requests_per_second * LOOK)
    looks = world.history_looks + int(world.seconds / LOOK)
    shape = (looks, per_look)
    on_canary: Bools = rng.random(shape) < world.share
    fails = _failures(rng, on_canary, world)
    own: Bools = on_canary & (rng.random(shape) < world.canary_failing)
    own[: world.history_looks] = False
    requests: Ints = on_canary.sum(axis=1)
    canary_failed: Ints = ((fails | own) & on_canary).sum(axis=1)
    primary_failed: Ints = (fails & ~on_canary).sum(axis=1)
    rows = zip(requests.tolist(), canary_failed.tolist(), primary_failed.tolist(), strict=True)
    seen = [
        Look(
            at=index * LOOK,
            primary=Counts(requests=per_look - canary, failed=primary_bad),
            canary=Counts(requests=canary, failed=canary_bad),
            canary_ready=2,
        )
        for index, (canary, canary_bad, primary_bad) in enumerate(rows)
    ]
    history, step = seen[: world.history_looks], seen[world.history_looks :]
    return Step(Moments.of(look.primary.failed for look in history), tuple(step))


def _failures(rng: np.random.Generator, on_canary: Bools, world: World) -> Bools:
    if world.across:
        return _runs(rng, on_canary.size, world).reshape(on_canary.shape)
    fails = np.zeros_like(on_canary)
    for version in (on_canary, ~on_canary):
        fails[version] = _runs(rng, int(version.sum()), world)
    return fails


def _runs(rng: np.random.Generator, length: int, world: World) -> Bools:
    """Runs may overlap: start as many as give the asked error rate in all."""
    start = 1 - (1 - world.error_rate) ** (1 / world.burst)
    starts: Bools = rng.random(length) < start
    fails = starts.copy()
    for shift in range(1, world.burst):
        fails[shift:] |= starts[:-shift]
    return fails


def seconds_to_trip(step: Step) -> float | None:
    state = GuardState(before=step.before)
    for index, look in enumerate(step.looks, start=1):
        state, trip = look_at(RULE, state, look)
        if trip:
            return index * LOOK
    return None


def trips_with_and_without_division(step: Step) -> tuple[bool, bool]:
    """The rule as it is, and the same tests on undivided counts, over the same looks."""
    state = GuardState(before=step.before)
    divided = undivided = False
    for look in step.looks:
        state = observe(state, look)
        undivided = undivided or plainly_failing(RULE, state, 1.0) is not None
        divided = divided or plainly_failing(RULE, state, state.burstiness) is not None
    return divided, undivided


def false_trips(world: World, steps: int, seed: int = SEED) -> tuple[int, int]:
    """Steps that tripped though the canary was as good as the primary: with, without division."""
    rng = np.random.default_rng([seed, world.burst])
    outcomes = [trips_with_and_without_division(simulate(world, rng)) for _ in range(steps)]
    return sum(divided for divided, _ in outcomes), sum(undivided for _, undivided in outcomes)


def detection_times(world: World, steps: int, seed: int = SEED) -> list[float]:
    """Seconds to the trip in each step; a step without a trip counts as its whole length."""
    rng = np.random.default_rng([seed, world.burst])
    times = (seconds_to_trip(simulate(world, rng)) for _ in range(steps))
    return [world.seconds if seconds is None else seconds for seconds in times]


def microseconds_a_look(world: World) -> float:
    step = simulate(world, np.random.default_rng(SEED))
    began = time.perf_counter()
    seconds_to_trip(step)
    return (time.perf_counter() - began) / len(step.looks) * 1e6


def _false_trips(steps: int) -> bool:
    """Whether no healthy step of the kinds that must survive tripped."""
    rows: list[tuple[object, ...]] = []
    healthy = 0
    for world in KINDS + HARDER:
        divided, undivided = false_trips(world, steps)
        healthy += divided if world in KINDS else 0
        history = f"{world.history_looks * LOOK:.0f} s"
        rows.append((_kind(world), f"{world.share:.0%}", history, divided, undivided))
    headings = ("failures (1 %)", "canary share", "seen before", "false trips", "without division")
    show(f"{steps} healthy ten-minute steps of each kind", headings, rows)
    return judged(healthy == 0, f"no false trip at 10 % share after 2 minutes: {healthy}")


def _detection(steps: int) -> None:
    rows: list[tuple[object, ...]] = []
    for name, failing in (("1/2", 1 / 2), ("1/3", 1 / 3), ("1/10", 1 / 10)):
        for kind in KINDS:
            world = replace(kind, canary_failing=failing, seconds=60)
            times = sorted(detection_times(world, steps))
            late = times[int(0.95 * len(times))]
            seconds = (f"{each:.1f}" for each in (median(times), late, times[-1]))
            rows.append((name, _kind(world), *seconds))
    headings = ("canary answers failing", "other failures", "median s", "95 % s", "worst s")
    show(f"{steps} steps with a bad canary: seconds until the guard ends them", headings, rows)


def _kind(world: World) -> str:
    reach = "across" if world.across else "in one"
    return "independent" if world.burst == 1 else f"bursts of {world.burst} {reach}"


def main() -> bool:
    never_wrong = _false_trips(steps=300)
    _detection(steps=300)
    kinds = (("healthy", World()), ("both at 5 % errors", World(error_rate=0.05)))
    rows = [(name, f"{microseconds_a_look(world):.1f}") for name, world in kinds]
    show("What a look costs", ("traffic", "microseconds"), rows)
    return never_wrong


if __name__ == "__main__":
    sys.exit(not main())
