"""Every check over its ticks, against its limits; every hook over its calls. Pure.

Drawn by `templates/parts/checks.html` on a canvas 1000 wide and 100 high, which the browser
stretches; dots are lines of no length with round ends, so that they stay round.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from workflows.model.hook import HookAnswer
from workflows.model.measurement import Threshold, Verdict
from workflows.model.observation import CheckResult, Tick
from workflows.model.record import DecisionRecord

WIDTH, TOP, BOTTOM = 1000, 8, 92
EDGE = 20
Placed = tuple[str, Tick]


@dataclass(frozen=True)
class Dot:
    """One measurement; without a value it lies on the floor."""

    x: int
    y: int
    verdict: Verdict
    step: str
    result: CheckResult
    at: float


@dataclass(frozen=True)
class Curve:
    """One check: its dots, the lines between those with values, and its limits."""

    name: str
    query: str
    threshold: Threshold
    dots: tuple[Dot, ...]
    line: str
    low: int | None
    high: int | None
    top: float
    bottom: float

    @property
    def last(self) -> Dot:
        return self.dots[-1]

    @property
    def failures(self) -> int:
        return sum(1 for dot in self.dots if dot.verdict is Verdict.FAIL)

    @property
    def words(self) -> str:
        """The drawing in a sentence."""
        values = [f"{dot.result.measurement.value:.4g}" for dot in self.dots if _has(dot.result)]
        return f"{self.name}: {', '.join(values) or 'no values'}; {self.failures} failed."


@dataclass(frozen=True)
class HookRow:
    """A hook and the last that it answered."""

    name: str
    calls: int
    failed: int
    last: HookAnswer


def curves(ticks: Sequence[Placed]) -> tuple[Curve, ...]:
    """One curve a check, in the order in which they were first seen."""
    names = dict.fromkeys(result.measurement.check for _, tick in ticks for result in tick.results)
    return tuple(_curve(name, ticks) for name in names)


def hook_rows(ticks: Iterable[Placed]) -> tuple[HookRow, ...]:
    """One row a hook."""
    answers: dict[str, list[HookAnswer]] = {}
    for _, tick in ticks:
        for answer in tick.answers:
            answers.setdefault(answer.name, []).append(answer)
    return tuple(
        HookRow(name, len(each), sum(1 for answer in each if not answer.ok), each[-1])
        for name, each in answers.items()
    )


def queries(record: DecisionRecord | None) -> dict[str, str]:
    """The query behind each check of the plan."""
    if record is None or record.plan is None:
        return {}
    return {check.metric.check: check.metric.query for check in record.plan.analysis.checks}


def _curve(name: str, ticks: Sequence[Placed]) -> Curve:
    seen = [
        (step, tick.at, result)
        for step, tick in ticks
        for result in tick.results
        if result.measurement.check == name
    ]
    threshold = seen[-1][2].threshold
    scale = _Scale.of([result for _, _, result in seen])
    dots = tuple(_dots(seen, scale))
    return Curve(
        name=name,
        query=seen[-1][2].measurement.query,
        threshold=threshold,
        dots=dots,
        line=" ".join(f"{dot.x},{dot.y}" for dot in dots if _has(dot.result)),
        low=None if threshold.min is None else scale(threshold.min),
        high=None if threshold.max is None else scale(threshold.max),
        top=scale.high,
        bottom=scale.low,
    )


def _dots(seen: Sequence[tuple[str, float, CheckResult]], scale: "_Scale") -> Iterator[Dot]:
    gap = (WIDTH - 2 * EDGE) / max(1, len(seen) - 1)
    for number, (step, at, result) in enumerate(seen):
        yield Dot(
            x=round(EDGE + gap * number) if len(seen) > 1 else WIDTH // 2,
            y=scale(result.measurement.value),
            verdict=result.verdict,
            step=step,
            result=result,
            at=at,
        )


def _has(result: CheckResult) -> bool:
    return result.measurement.value is not None


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float

    @classmethod
    def of(cls, results: Sequence[CheckResult]) -> "_Scale":
        """Values and limits both lie inside."""
        values = [result.measurement.value for result in results]
        values += [end for each in results for end in (each.threshold.min, each.threshold.max)]
        known = [value for value in values if value is not None] or [0.0]
        low, high = min(known), max(known)
        return cls(low, high) if high > low else cls(low - 0.5, high + 0.5)

    def __call__(self, value: float | None) -> int:
        if value is None:
            return BOTTOM
        part = (value - self.low) / (self.high - self.low)
        return round(BOTTOM - (BOTTOM - TOP) * part)
