"""The formulae people are shown, and the numbers they give."""

import pytest

from workflows.expectation import Ramp, expected
from workflows.model.hook import Hook, HookType
from workflows.model.plan import Expectation, Strategy
from workflows.steps import Recipe, analysed_release


def expectation(recipe: Recipe, **ramp: int) -> Expectation:
    steps = analysed_release(recipe)
    return expected(steps, Ramp.model_validate(ramp), interval=60, threshold=10)


def weighted(*weights: int, **fields: object) -> Recipe:
    return Recipe.model_validate({"weights": weights, "deadline": 60, **fields})


def test_listed_weights_take_an_interval_each() -> None:
    found = expectation(weighted(10, 25, 50, 90))
    assert found.seconds == 240
    assert found.formula == "interval × steps = 1m × 4"


def test_equal_steps_are_counted_by_division() -> None:
    found = expectation(weighted(20, 40, 60, 80, 100), step_weight=20)
    assert found.seconds == 300
    assert found.formula == "interval × (maxWeight / stepWeight) = 1m × (100 / 20)"


def test_a_last_step_beyond_max_weight_rounds_the_division_up() -> None:
    found = expectation(weighted(20, 40, 60), step_weight=20, max_weight=50)
    assert found.seconds == 180
    assert found.formula == "interval × ⌈maxWeight / stepWeight⌉ = 1m × ⌈50 / 20⌉"


def test_mirroring_and_returning_add_their_intervals() -> None:
    found = expectation(weighted(10, 90, mirror=True, return_by=40))
    assert found.seconds == 300
    assert found.formula == "interval × (steps + mirror + return) = 1m × (2 + 1 + 2)"


@pytest.mark.parametrize(
    ("strategy", "seconds", "formula"),
    [
        (Strategy.BLUE_GREEN, 660, "interval × (iterations + all-canary) = 1m × (10 + 1)"),
        (Strategy.AB, 600, "interval × iterations = 1m × 10"),
    ],
)
def test_iterations_take_an_interval_each(strategy: Strategy, seconds: int, formula: str) -> None:
    found = expectation(Recipe(strategy=strategy, iterations=10, deadline=60))
    assert found.seconds == seconds
    assert found.formula == formula


def test_rolling_back_takes_an_interval_for_each_failed_check() -> None:
    found = expectation(weighted(10))
    assert found.rollback_seconds == 600
    assert found.rollback_formula == "interval × threshold = 1m × 10"


def test_hooks_before_the_first_step_take_no_interval() -> None:
    hook = Hook(name="load", type=HookType.PRE_ROLLOUT, url="http://hooks.test/")
    assert expectation(weighted(10, hooks=[hook])).seconds == 60


def test_gates_are_named_since_nobody_knows_how_long_they_take() -> None:
    hook = Hook(name="ask", type=HookType.CONFIRM_PROMOTION, url="http://hooks.test/")
    found = expectation(weighted(10, hooks=[hook]))
    assert found.formula == "interval × steps = 1m × 1, and the waiting at 1 gate"
    assert found.seconds == 60
