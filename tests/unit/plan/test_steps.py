"""What each strategy does with its recipe, and where each hook stands."""

import pytest

from workflows.model.hook import Hook, HookType
from workflows.model.plan import ALL_PRIMARY, Ask, Observe, Promote, Routes, Start, Step, Strategy
from workflows.steps import (
    ALL_CANARY,
    Recipe,
    analysed_release,
    initialise,
    plain_release,
    revert,
    unanalysed_release,
)

CLOSING = ["promote", "all-primary", "finish"]


def names(steps: tuple[Step, ...]) -> list[str]:
    return [step.name for step in steps]


def hook(kind: HookType) -> Hook:
    return Hook(name=f"my-{kind}", type=kind, url="http://hooks.test/")


def weighted(*weights: int, **fields: object) -> Recipe:
    return Recipe.model_validate({"weights": weights, "deadline": 60, **fields})


def iterated(strategy: Strategy, **fields: object) -> Recipe:
    return Recipe.model_validate({"strategy": strategy, "iterations": 10, "deadline": 60, **fields})


def observed(steps: tuple[Step, ...], name: str) -> Observe:
    found = next(step for step in steps if step.name == name)
    assert isinstance(found, Observe)
    return found


def asked(steps: tuple[Step, ...], name: str) -> Ask:
    found = next(step for step in steps if step.name == name)
    assert isinstance(found, Ask)
    return found


def test_each_weight_is_held_until_one_interval_passes_under_guard() -> None:
    steps = analysed_release(weighted(10, 50))
    assert names(steps) == ["start", "weight-10", "weight-50", *CLOSING]
    ten = observed(steps, "weight-10")
    assert ten.routes == Routes(primary=90, canary=10)
    assert (ten.passes, ten.at_once, ten.analysed, ten.guarded) == (1, False, True, True)


def test_mirroring_comes_before_the_first_weight_and_is_not_guarded() -> None:
    steps = analysed_release(weighted(10, mirror=True))
    assert names(steps) == ["start", "mirror", "weight-10", *CLOSING]
    mirror = observed(steps, "mirror")
    assert mirror.routes == Routes(primary=100, canary=0, mirrored=True)
    assert mirror.analysed
    assert not mirror.guarded
    assert not observed(steps, "weight-10").routes.mirrored


def test_traffic_comes_back_in_steps_that_nothing_checks() -> None:
    steps = analysed_release(weighted(10, 90, return_by=40))
    after = steps[names(steps).index("promote") :]
    assert names(after) == ["promote", "return-50", "return-10", "all-primary", "finish"]
    fifty = observed(after, "return-50")
    assert fifty.routes == Routes(primary=50, canary=50)
    assert (fifty.analysed, fifty.guarded) == (False, False)


@pytest.mark.parametrize("by", [90, 100])
def test_a_return_step_as_large_as_the_last_weight_returns_at_once(by: int) -> None:
    steps = analysed_release(weighted(90, return_by=by))
    assert names(steps) == ["start", "weight-90", *CLOSING]


def test_pre_rollout_hooks_run_at_once_before_users_meet_the_canary() -> None:
    steps = analysed_release(weighted(10, hooks=[hook(HookType.PRE_ROLLOUT)]))
    assert names(steps) == ["start", "pre-rollout", "weight-10", *CLOSING]
    first = observed(steps, "pre-rollout")
    assert first.routes == ALL_PRIMARY
    assert (first.passes, first.at_once, first.analysed, first.guarded) == (1, True, False, False)
    assert [called.name for called in first.hooks] == ["my-pre-rollout"]


def test_every_gate_of_a_weighted_release_stands_in_its_place() -> None:
    gates = [
        hook(HookType.CONFIRM_ROLLOUT),
        hook(HookType.PRE_ROLLOUT),
        hook(HookType.CONFIRM_TRAFFIC_INCREASE),
        hook(HookType.CONFIRM_PROMOTION),
        hook(HookType.POST_ROLLOUT),
    ]
    assert names(analysed_release(weighted(10, 50, hooks=gates))) == [
        "confirm-rollout",
        "start",
        "pre-rollout",
        "traffic-10",
        "weight-10",
        "traffic-50",
        "weight-50",
        "traffic-promotion",
        "confirm-promotion",
        *CLOSING,
        "post-rollout",
    ]


def test_a_gate_watches_the_routes_it_waits_at() -> None:
    gates = [hook(HookType.CONFIRM_TRAFFIC_INCREASE), hook(HookType.CONFIRM_PROMOTION)]
    steps = analysed_release(weighted(10, 50, hooks=gates))
    for name in ("traffic-50", "traffic-promotion", "confirm-promotion"):
        assert asked(steps, name).watch
        assert asked(steps, name).guarded
    assert asked(steps, "traffic-50").routes == Routes(primary=90, canary=10)
    assert asked(steps, "confirm-promotion").routes == Routes(primary=50, canary=50)


def test_the_gate_before_the_first_weight_has_nothing_to_watch() -> None:
    steps = analysed_release(weighted(10, hooks=[hook(HookType.CONFIRM_TRAFFIC_INCREASE)]))
    first = asked(steps, "traffic-10")
    assert not first.watch
    assert first.routes == ALL_PRIMARY


def test_a_mirrored_release_asks_before_mirroring_and_not_again_before_the_first_weight() -> None:
    gates = [hook(HookType.CONFIRM_TRAFFIC_INCREASE)]
    steps = analysed_release(weighted(10, 50, mirror=True, hooks=gates))
    assert names(steps)[1:6] == ["traffic-mirror", "mirror", "weight-10", "traffic-50", "weight-50"]


def test_blue_green_tests_unseen_then_shifts_everybody() -> None:
    steps = analysed_release(iterated(Strategy.BLUE_GREEN))
    assert names(steps) == ["start", "iterations", "all-canary", *CLOSING]
    unseen, everybody = observed(steps, "iterations"), observed(steps, "all-canary")
    assert (unseen.routes, unseen.passes, unseen.guarded) == (ALL_PRIMARY, 10, False)
    assert (everybody.routes, everybody.passes, everybody.guarded) == (ALL_CANARY, 1, True)


def test_blue_green_mirrors_while_it_tests() -> None:
    steps = analysed_release(iterated(Strategy.BLUE_GREEN, mirror=True))
    assert observed(steps, "iterations").routes.mirrored
    assert not observed(steps, "iterations").guarded


def test_blue_green_asks_for_promotion_once_and_before_anybody_is_shifted() -> None:
    gates = [hook(HookType.CONFIRM_PROMOTION), hook(HookType.CONFIRM_TRAFFIC_INCREASE)]
    steps = analysed_release(iterated(Strategy.BLUE_GREEN, hooks=gates))
    assert names(steps) == ["start", "iterations", "confirm-promotion", "all-canary", *CLOSING]
    assert asked(steps, "confirm-promotion").watch
    assert not asked(steps, "confirm-promotion").guarded


def test_without_a_router_no_user_ever_meets_the_canary() -> None:
    steps = analysed_release(iterated(Strategy.BLUE_GREEN, routed=False, mirror=True, return_by=10))
    assert names(steps) == ["start", "iterations", *CLOSING]
    assert observed(steps, "iterations").routes == ALL_PRIMARY


def test_an_ab_test_sends_matched_users_to_the_canary_under_guard() -> None:
    gates = [hook(HookType.CONFIRM_PROMOTION), hook(HookType.CONFIRM_TRAFFIC_INCREASE)]
    steps = analysed_release(iterated(Strategy.AB, hooks=gates, mirror=True))
    assert names(steps) == ["start", "matched", "confirm-promotion", *CLOSING]
    matched = observed(steps, "matched")
    assert (matched.routes, matched.passes, matched.guarded) == (ALL_CANARY, 10, True)
    assert asked(steps, "confirm-promotion").routes == ALL_CANARY


def test_skipping_the_analysis_still_asks_before_the_rollout_and_calls_after_it() -> None:
    hooks = tuple(hook(kind) for kind in HookType)
    steps = unanalysed_release(weighted(10, 50, return_by=5, mirror=True, hooks=hooks))
    assert names(steps) == ["confirm-rollout", "start", *CLOSING, "post-rollout"]


def test_a_target_without_a_canary_is_promoted_plainly() -> None:
    assert names(plain_release(weighted())) == ["promote", "all-primary"]


def test_first_sight_makes_the_primary_and_nothing_else() -> None:
    assert names(initialise(60)) == ["adopt", "all-primary"]


def test_reverting_gives_the_users_back_before_the_target() -> None:
    assert names(revert(adopted=True)) == ["all-primary", "finish", "release"]


def test_reverting_what_was_never_adopted_shifts_nobody_to_a_primary_that_is_not_there() -> None:
    assert names(revert(adopted=False)) == ["release"]


def test_deadlines_and_ready_thresholds_reach_start_and_promote() -> None:
    steps = analysed_release(weighted(10, canary_ready=50, primary_ready=75))
    start, promote = steps[0], steps[2]
    assert isinstance(start, Start)
    assert isinstance(promote, Promote)
    assert (start.deadline, start.ready_percent) == (60, 50)
    assert (promote.deadline, promote.ready_percent) == (60, 75)


@pytest.mark.parametrize(
    "recipe",
    [
        weighted(100, mirror=True, return_by=1, hooks=tuple(hook(kind) for kind in HookType)),
        iterated(Strategy.BLUE_GREEN, iterations=100_000, mirror=True),
        iterated(Strategy.AB, iterations=100_000),
    ],
)
def test_summaries_fit_a_line(recipe: Recipe) -> None:
    assert all(len(step.summary) <= 60 for step in analysed_release(recipe))
