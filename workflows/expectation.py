"""How long a plan takes and how soon it rolls back, with the formulae that say so.

Called by `workflows.compile`. The numbers count intervals alone: becoming ready takes its own time,
and a gate waits as long as people let it.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from workflows.model.plan import Ask, Expectation, Observe, Step
from workflows.model.quantity import format_duration
from workflows.model.value import Value

TIMES = "×"

NO_WAIT = Expectation(
    seconds=0,
    formula="no intervals, only the time to become ready",
    rollback_seconds=0,
    rollback_formula="no analysis, so nothing rolls back by itself",
)


class Ramp(Value):
    """What a manifest says of its main part, so that the formula can use its words."""

    step_weight: int = 0
    """0 when the weights are listed one by one."""
    max_weight: int = 100


def expected(steps: Sequence[Step], ramp: Ramp, interval: float, threshold: int) -> Expectation:
    """Every passing interval of every step, and every failing one up to the threshold."""
    words, numbers = zip(*_terms(steps, ramp), strict=True)
    intervals = sum(planned_intervals(step) for step in steps)
    each = format_duration(timedelta(seconds=interval))
    formula = f"interval {TIMES} {_sum(words)} = {each} {TIMES} {_sum(numbers)}"
    return Expectation(
        seconds=interval * intervals,
        formula=formula + _gates(steps),
        rollback_seconds=interval * threshold,
        rollback_formula=f"interval {TIMES} threshold = {each} {TIMES} {threshold}",
    )


def planned_intervals(step: Step) -> int:
    """How many intervals a step takes when nothing fails; the first tick may come at once."""
    return step.passes - step.at_once if isinstance(step, Observe) else 0


def _terms(steps: Sequence[Step], ramp: Ramp) -> list[tuple[str, str]]:
    terms = [_main(steps, ramp)]
    for word, prefix in (("mirror", "mirror"), ("all-canary", "all-canary"), ("return", "return-")):
        if count := _intervals(steps, prefix):
            terms.append((word, str(count)))
    return terms


def _main(steps: Sequence[Step], ramp: Ramp) -> tuple[str, str]:
    for name in ("iterations", "matched"):
        if count := _intervals(steps, name):
            return "iterations", str(count)
    if not ramp.step_weight:
        return "steps", str(_intervals(steps, "weight-"))
    division = f"{ramp.max_weight} / {ramp.step_weight}"
    if ramp.max_weight % ramp.step_weight == 0:
        return "maxWeight / stepWeight", division
    return "⌈maxWeight / stepWeight⌉", f"⌈{division}⌉"


def _intervals(steps: Iterable[Step], prefix: str) -> int:
    return sum(planned_intervals(step) for step in steps if step.name.startswith(prefix))


def _sum(terms: Sequence[str]) -> str:
    whole = " + ".join(terms)
    return whole if len(terms) == 1 and ("⌈" in whole or " " not in whole) else f"({whole})"


def _gates(steps: Iterable[Step]) -> str:
    gates = sum(isinstance(step, Ask) for step in steps)
    return f", and the waiting at {gates} gate{'s' * (gates > 1)}" if gates else ""
