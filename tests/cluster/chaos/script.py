"""What happens in a chaos run, wholly decided by its seed: releases, and a fault for each.

Pure; played by `tests.cluster.chaos.play`. The same seed gives the same releases, the same faults
and the same moments; how far a release is at such a moment depends on the machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

LATEST = 9.0
"""Seconds after the beginning of a release: about when a bad one is over."""
MEDDLING = 5.0
"""Routes of a shop that releases nothing are nobody's business: a person is quicker."""
LONGEST_AWAY = 3.0


class Fault(StrEnum):
    """What breaks, or who meddles."""

    WORKER = "worker killed"
    CONTROLLER = "controller killed"
    TEMPORAL = "Temporal killed"
    APISERVER = "API server killed"
    ETCD = "etcd restarted"
    DATA_PLANE = "data plane restarted"
    PODS = "canary pods killed"
    EDIT = "target edited"
    HAND = "routes edited by hand"


@dataclass(frozen=True, slots=True)
class Release:
    """One version of one shop, and what happens to it."""

    number: int
    shop: str
    good: bool
    fault: Fault
    at: float
    """Seconds after the release began."""
    away: float
    """Seconds for which a killed part stays away."""

    @property
    def version(self) -> str:
        return f"v{self.number}"


def script(releases: int, seed: int, shops: int) -> Sequence[Sequence[Release]]:
    """Rounds of releases side by side, one a shop; half of all are good."""
    random = Random(seed)
    good = [number % 2 == 0 for number in range(releases)]
    random.shuffle(good)
    faults = _dealt(random, releases)
    made = [
        Release(
            number=number + 1,
            shop=f"shop-{number % shops + 1}",
            good=good[number],
            fault=faults[number],
            at=random.uniform(0, MEDDLING if faults[number] is Fault.HAND else LATEST),
            away=random.uniform(0, LONGEST_AWAY),
        )
        for number in range(releases)
    ]
    return [made[first : first + shops] for first in range(0, releases, shops)]


def _dealt(random: Random, count: int) -> list[Fault]:
    """Every fault equally often, in any order."""
    dealt: list[Fault] = []
    while len(dealt) < count:
        dealt += random.sample(list(Fault), len(Fault))
    return dealt[:count]
