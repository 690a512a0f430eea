"""Traffic over time: which share the canary had, has, and will have if all goes well. Pure.

Drawn by `templates/parts/traffic.html` on a canvas 1000 wide and 100 high, which the browser
stretches; the canary's share grows upwards.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from workflows.model.plan import ALL_PRIMARY, Routes
from workflows.model.status import RolloutStatus, StepState

WIDTH = 1000
UNPLANNED = 0.04
"""The part of the width that a coming step without a planned length gets."""


@dataclass(frozen=True)
class Stretch:
    """Routes that held, hold or will hold from one instant to another."""

    step: str
    begins: float
    ends: float
    routes: Routes
    planned: bool = False


@dataclass(frozen=True)
class Box:
    """A part of the canvas."""

    x: int
    width: int
    label: str


@dataclass(frozen=True)
class Shares:
    """The drawing: two paths, boxes and lines, and the same as rows."""

    past: str
    future: str
    mirrored: tuple[Box, ...]
    borders: tuple[int, ...]
    now: int | None
    rows: tuple[Stretch, ...]
    begins: float
    ends: float
    words: str


def shares(status: RolloutStatus, now: float) -> Shares | None:
    """The drawing of a rollout at an instant; None before its first step."""
    past = list(_past(status, status.ended_at or now))
    if not past:
        return None
    over = status.outcome is not None or status.reason is not None
    future = [] if over else list(_future(status, now, past))
    every = past + future
    scale = _Scale(every[0].begins, max(every[-1].ends, every[0].begins + 1.0))
    return Shares(
        past=_area(past, scale),
        future=_line(past[-1], future, scale),
        mirrored=tuple(_box(each, scale) for each in past if each.routes.mirrored),
        borders=tuple(scale(each.begins) for each in every[1:]),
        now=scale(now) if future else None,
        rows=tuple(past),
        begins=scale.begins,
        ends=scale.ends,
        words=_words(status, past),
    )


@dataclass(frozen=True)
class _Scale:
    begins: float
    ends: float

    def __call__(self, at: float) -> int:
        part = (at - self.begins) / (self.ends - self.begins)
        return round(WIDTH * min(1.0, max(0.0, part)))


def _past(status: RolloutStatus, until: float) -> Iterator[Stretch]:
    begun = sorted(
        (step for step in status.steps if step.started_at is not None),
        key=lambda step: step.started_at or 0.0,
    )
    routes = ALL_PRIMARY
    starts = [step.started_at or 0.0 for step in begun]
    for number, step in enumerate(begun):
        routes = step.routes or routes
        last = number == len(begun) - 1
        ends = max(until, starts[number]) if last else starts[number + 1]
        restored_at = _restored_at(status, step.ended_at) if last else None
        if restored_at is not None:
            yield Stretch(step.name, starts[number], restored_at, routes)
            yield Stretch("restore", restored_at, max(ends, restored_at), ALL_PRIMARY)
        else:
            held = status.routes if last and status.outcome is None else routes
            yield Stretch(step.name, starts[number], ends, held)


def _restored_at(status: RolloutStatus, ended: float | None) -> float | None:
    stopped = any(step.state is StepState.STOPPED for step in status.steps)
    return ended if (stopped or status.reason is not None) and ended is not None else None


def _future(status: RolloutStatus, now: float, past: Sequence[Stretch]) -> Iterator[Stretch]:
    spare = UNPLANNED * max(10.0, status.expectation.seconds if status.expectation else 0.0)
    at, routes = now, past[-1].routes
    for step in status.steps:
        length = step.planned if step.planned is not None else spare
        if step.state is StepState.NOW:
            began = now if step.started_at is None else step.started_at
            length = max(0.0, length - (now - began))
        elif step.state is StepState.NEXT:
            routes = step.routes or routes
        else:
            continue
        yield Stretch(step.name, at, at + length, routes, planned=True)
        at += length


def _area(past: Sequence[Stretch], scale: _Scale) -> str:
    parts = [f"M{scale(past[0].begins)} 100"]
    parts += [f"V{100 - each.routes.canary}H{scale(each.ends)}" for each in past]
    return "".join((*parts, "V100Z"))


def _line(last: Stretch, future: Sequence[Stretch], scale: _Scale) -> str:
    if not future:
        return ""
    parts = [f"M{scale(future[0].begins)} {100 - last.routes.canary}"]
    parts += [f"V{100 - each.routes.canary}H{scale(each.ends)}" for each in future]
    return "".join(parts)


def _box(stretch: Stretch, scale: _Scale) -> Box:
    begins, ends = scale(stretch.begins), scale(stretch.ends)
    return Box(begins, max(1, ends - begins), stretch.step)


def _words(status: RolloutStatus, past: Sequence[Stretch]) -> str:
    """The drawing in a sentence, for those who do not see it."""
    path = [past[0].routes.canary]
    path += [b.routes.canary for a, b in pairwise(past) if a.routes.canary != b.routes.canary]
    went = ", then ".join(f"{weight} %" for weight in path)
    return f"Share of the canary: {went}. Now {status.routes.canary} %."
