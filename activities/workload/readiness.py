"""What a live object says of its copies; judged by each kind, waited for by `waiting`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ready:
    """Enough copies of the newest template are available."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """It may still become ready."""

    why: str


@dataclass(frozen=True, slots=True)
class Never:
    """Its own controller has given up."""

    why: str


Readiness = Ready | NotYet | Never


def needed(count: int, percent: int) -> int:
    """How many of `count` copies `percent` asks for: rounded up, and never none."""
    return max(1, -(-count * percent // 100))
