"""Checks as they are drawn, against their limits."""

from hypothesis import given
from hypothesis import strategies as st

from worker.gateway.pages.curves import BOTTOM, TOP, WIDTH, curves, hook_rows
from workflows.model.hook import HookAnswer, HookType
from workflows.model.measurement import Measurement, Outcome, Threshold, Verdict
from workflows.model.observation import CheckResult, Tick

LIMITS = Threshold(min=99.0)


def a_tick(number: int, value: float | None, check: str = "rate") -> tuple[str, Tick]:
    outcome = Outcome.NO_DATA if value is None else Outcome.VALUE
    good = value is not None and value >= 99
    result = CheckResult(
        measurement=Measurement(check=check, outcome=outcome, value=value, query="q"),
        verdict=Verdict.PASS if good else Verdict.FAIL,
        threshold=LIMITS,
    )
    answer = HookAnswer(name="load", type=HookType.ROLLOUT, ok=good, status=200)
    verdict = result.verdict
    return "weight-10", Tick(
        number=number, at=float(number), verdict=verdict, results=(result,), answers=(answer,)
    )


def test_a_value_below_its_limit_lies_below_the_line_and_counts() -> None:
    [curve] = curves([a_tick(1, 100.0), a_tick(2, 98.0)])
    good, bad = curve.dots
    assert curve.low is not None
    assert good.y < curve.low < bad.y
    assert curve.failures == 1
    assert curve.words == "rate: 100, 98; 1 failed."


def test_a_tick_without_a_value_is_a_dot_on_the_floor_and_on_no_line() -> None:
    [curve] = curves([a_tick(1, 100.0), a_tick(2, None)])
    assert curve.dots[1].y == BOTTOM
    assert curve.line.count(",") == 1


def test_hooks_are_counted_by_name() -> None:
    [row] = hook_rows([a_tick(1, 100.0), a_tick(2, 98.0), a_tick(3, 100.0)])
    assert (row.name, row.calls, row.failed, row.last.ok) == ("load", 3, 1, True)


@given(st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12)), min_size=1, max_size=50))
def test_every_dot_lies_on_the_canvas(values: list[float | None]) -> None:
    [curve] = curves([a_tick(number, value) for number, value in enumerate(values)])
    assert all(0 <= dot.x <= WIDTH and TOP <= dot.y <= BOTTOM for dot in curve.dots)
