"""What holds for every plan, whatever the manifest says."""

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plan.builders import AB, a_canary, a_plan
from workflows.model.canary import Canary
from workflows.model.hook import HookType
from workflows.model.plan import (
    ALL_PRIMARY,
    Ask,
    Finish,
    Observe,
    Plan,
    PlanKind,
    Promote,
    Routes,
    Shift,
    Start,
    Step,
)
from workflows.model.requests import Action

PATIENT = settings(deadline=None)
PERCENT = st.integers(1, 100)


def equal_steps(step: int, limit: int) -> dict[str, object]:
    return {"stepWeight": step, "maxWeight": limit}


def listed(weights: set[int]) -> dict[str, object]:
    return {"stepWeights": sorted(weights)}


def blue_green(iterations: int) -> dict[str, object]:
    return {"iterations": iterations}


def ab(iterations: int) -> dict[str, object]:
    return {**AB, "iterations": iterations}


def hooked(kinds: set[HookType]) -> dict[str, object]:
    url = "http://hooks.test/"
    hooks = [{"name": f"my-{kind}", "type": kind, "url": url} for kind in sorted(kinds)]
    return {"webhooks": hooks}


def analysis(mirror: bool, back: int, seconds: int) -> dict[str, object]:
    return {"mirror": mirror, "stepWeightPromotion": back, "interval": f"{seconds}s"}


def canary(
    shape: dict[str, object], hooks: dict[str, object], rest: dict[str, object], skip: bool
) -> Canary:
    return a_canary({**shape, **hooks, **rest}, skipAnalysis=skip)


SHAPES = st.one_of(
    st.builds(equal_steps, PERCENT, PERCENT),
    st.builds(listed, st.sets(PERCENT, min_size=1)),
    st.builds(blue_green, st.integers(1, 500)),
    st.builds(ab, st.integers(1, 500)),
)
HOOKS = st.builds(hooked, st.sets(st.sampled_from(list(HookType))))
REST = st.builds(analysis, st.booleans(), st.integers(0, 100), st.integers(1, 7200))
CANARIES = st.builds(canary, SHAPES, HOOKS, REST, st.booleans())
RELEASES = CANARIES.map(a_plan)
PLANS = st.one_of(
    RELEASES,
    CANARIES.map(lambda canary: a_plan(canary, promoted_revision=None)),
    CANARIES.map(lambda canary: a_plan(canary, action=Action.REVERT)),
)


def routes(steps: Sequence[Step]) -> list[Routes]:
    return [step.routes for step in steps if isinstance(step, Observe | Shift | Ask)]


def position(plan: Plan, kind: type[Promote | Finish | Start]) -> int:
    (found,) = [at for at, step in enumerate(plan.steps) if isinstance(step, kind)]
    return found


@PATIENT
@given(RELEASES)
def test_the_canary_never_loses_weight_before_the_promotion(plan: Plan) -> None:
    before = routes(plan.steps[: position(plan, Promote)])
    assert all(a.canary <= b.canary for a, b in pairwise(before))


@PATIENT
@given(RELEASES)
def test_the_canary_never_gains_weight_after_the_promotion(plan: Plan) -> None:
    promote = position(plan, Promote)
    last = (routes(plan.steps[:promote]) or [ALL_PRIMARY])[-1]
    after = routes(plan.steps[promote:])
    assert all(a.canary > b.canary or b == ALL_PRIMARY for a, b in pairwise([last, *after]))


@PATIENT
@given(PLANS)
def test_every_user_is_somewhere_and_nobody_is_counted_twice(plan: Plan) -> None:
    assert all(each.primary + each.canary == 100 for each in routes(plan.steps))


@PATIENT
@given(PLANS)
def test_every_plan_ends_with_the_primary_at_100_percent(plan: Plan) -> None:
    assert routes(plan.steps)[-1] == ALL_PRIMARY


@PATIENT
@given(RELEASES)
def test_users_leave_the_canary_before_it_stops_and_meet_it_only_once_it_has_started(
    plan: Plan,
) -> None:
    start, finish = position(plan, Start), position(plan, Finish)
    assert all(each == ALL_PRIMARY for each in routes(plan.steps[:start]))
    assert routes(plan.steps[:finish])[-1] == ALL_PRIMARY
    assert all(each == ALL_PRIMARY for each in routes(plan.steps[finish:]))


@PATIENT
@given(RELEASES)
def test_restore_is_reachable_from_every_step(plan: Plan) -> None:
    """Until the promotion the primary runs the promoted revision: giving it all users is enough.

    So nothing before the promotion may touch the primary, and from the promotion on the plan
    itself still leads to the primary and to the end of the canary.
    """
    promote = position(plan, Promote)
    assert all(isinstance(step, Ask | Start | Observe) for step in plan.steps[:promote])
    assert position(plan, Finish) > promote
    assert any(
        isinstance(step, Shift) and step.routes == ALL_PRIMARY for step in plan.steps[promote:]
    )


@PATIENT
@given(RELEASES)
def test_the_guard_watches_exactly_the_judged_steps_in_which_users_meet_the_canary(
    plan: Plan,
) -> None:
    for step in plan.steps:
        if isinstance(step, Observe):
            assert step.guarded == (step.analysed and step.routes.canary > 0)


@PATIENT
@given(RELEASES)
def test_nothing_is_judged_after_the_promotion(plan: Plan) -> None:
    after = plan.steps[position(plan, Promote) :]
    assert not any(isinstance(step, Ask) for step in after)
    assert not any(isinstance(step, Observe) and step.analysed for step in after)


@PATIENT
@given(PLANS)
def test_steps_have_names_of_their_own_and_summaries_that_fit_a_line(plan: Plan) -> None:
    names = [step.name for step in plan.steps]
    assert len(set(names)) == len(names)
    assert all(0 < len(step.summary) <= 60 for step in plan.steps)


@PATIENT
@given(RELEASES)
def test_the_formulae_give_the_numbers(plan: Plan) -> None:
    time, interval = plan.expectation, plan.analysis.interval
    if plan.expectation.rollback_seconds == 0:
        assert time.seconds == 0
        return
    passes = sum(step.passes - step.at_once for step in plan.steps if isinstance(step, Observe))
    assert time.seconds == passes * interval
    assert computed(time.formula) == time.seconds
    assert computed(time.rollback_formula) == time.rollback_seconds


def computed(formula: str) -> float:
    """Work out the right-hand side of a formula."""
    text = formula.split("=", 1)[1].split(",", 1)[0]
    text = re.sub(r"(\d+)h", r"\1*3600+", text)
    text = re.sub(r"(\d+)m", r"\1*60+", text)
    text = re.sub(r"(\d+)s", r"\1", text)
    interval, count = text.split(" \N{MULTIPLICATION SIGN} ")
    count = count.replace("⌈", "math.ceil(").replace("⌉", ")")
    result: float = eval(f"({interval.strip()}+0) * ({count})", {"math": math})
    return result


@PATIENT
@given(CANARIES)
def test_the_same_manifest_gives_the_same_plan(canary: Canary) -> None:
    assert a_plan(canary) == a_plan(canary)


@PATIENT
@given(PLANS)
def test_a_plan_survives_the_history(plan: Plan) -> None:
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@PATIENT
@given(CANARIES)
def test_first_sight_and_goodbye_ask_nobody_and_judge_nothing(canary: Canary) -> None:
    for plan in (
        a_plan(canary, promoted_revision=None),
        a_plan(canary, action=Action.REVERT),
    ):
        assert plan.kind in (PlanKind.INITIALISE, PlanKind.REVERT)
        assert not any(isinstance(step, Ask | Observe) for step in plan.steps)
