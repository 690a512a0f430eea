"""From manifests to plans: which plan, with which analysis, traffic and policy."""

import pytest

from tests.unit.plan.builders import (
    AB,
    BLUE_GREEN,
    DEPLOYMENT,
    WEIGHTED,
    a_canary,
    a_plan,
    a_process,
    names,
    observed,
)
from workflows.compile import Bundle, compile_plan
from workflows.errors import ManifestError
from workflows.model.live import GuardRule
from workflows.model.measurement import NoData
from workflows.model.plan import ALL_PRIMARY, Plan, PlanKind, Start, Strategy, Supersede
from workflows.model.policy import EffectivePolicy
from workflows.model.provider import Provider
from workflows.model.requests import Action

CLOSING = ["promote", "all-primary", "finish"]
EVERY_HOOK = [
    {"name": kind, "type": kind, "url": "http://hooks.test/"}
    for kind in (
        "confirm-rollout",
        "pre-rollout",
        "rollout",
        "confirm-traffic-increase",
        "confirm-promotion",
        "post-rollout",
        "rollback",
        "event",
    )
]


def a_policy(**fields: object) -> EffectivePolicy:
    return EffectivePolicy.model_validate({"source": "strict", **fields})


def refusal(plan_of: Bundle) -> str:
    with pytest.raises(ManifestError) as refused:
        compile_plan(plan_of)
    return str(refused.value)


@pytest.mark.parametrize(
    ("shape", "strategy", "steps"),
    [
        (WEIGHTED, Strategy.WEIGHTED, ["start", "weight-10", "weight-50", *CLOSING]),
        (
            {"stepWeight": 40, "maxWeight": 70},
            Strategy.WEIGHTED,
            ["start", "weight-40", "weight-80", *CLOSING],
        ),
        (BLUE_GREEN, Strategy.BLUE_GREEN, ["start", "iterations", "all-canary", *CLOSING]),
        (AB, Strategy.AB, ["start", "matched", *CLOSING]),
    ],
)
def test_the_shape_of_the_analysis_selects_the_strategy(
    shape: dict[str, object], strategy: Strategy, steps: list[str]
) -> None:
    plan = a_plan(a_canary(shape))
    assert plan.kind is PlanKind.RELEASE
    assert plan.strategy is strategy
    assert names(plan) == steps


def test_a_target_seen_for_the_first_time_is_adopted_without_gates_or_analysis() -> None:
    plan = a_plan(a_canary({**WEIGHTED, "webhooks": EVERY_HOOK}), promoted_revision=None)
    assert plan.kind is PlanKind.INITIALISE
    assert names(plan) == ["adopt", "all-primary"]


def test_a_promoted_revision_needs_no_steps() -> None:
    plan = a_plan(a_canary(), revision="r1")
    assert plan.kind is PlanKind.UNCHANGED
    assert plan.steps == ()


@pytest.mark.parametrize("promoted", ["r1", None])
def test_a_suspended_canary_does_nothing_not_even_at_first_sight(promoted: str | None) -> None:
    plan = a_plan(a_canary(suspend=True), promoted_revision=promoted)
    assert plan.kind is PlanKind.SUSPENDED
    assert plan.steps == ()


def test_a_deleted_manifest_is_reverted_even_while_suspended_and_without_hooks() -> None:
    shape = {**WEIGHTED, "webhooks": EVERY_HOOK}
    plan = a_plan(a_canary(shape, suspend=True), action=Action.REVERT)
    assert plan.kind is PlanKind.REVERT
    assert names(plan) == ["all-primary", "finish", "release"]


def test_skip_analysis_keeps_the_gate_before_and_the_hooks_after() -> None:
    plan = a_plan(a_canary({**WEIGHTED, "webhooks": EVERY_HOOK}, skipAnalysis=True))
    assert names(plan) == ["confirm-rollout", "start", *CLOSING, "post-rollout"]
    assert plan.expectation.seconds == 0
    assert plan.expectation.rollback_seconds == 0


def test_a_process_without_a_canary_is_promoted_plainly() -> None:
    bundle = Bundle(process=a_process(), revision="r2", promoted_revision="r1")
    plan = compile_plan(bundle)
    assert names(plan) == ["promote", "all-primary"]
    assert plan.traffic.provider == "local"
    assert plan.traffic.service == "shop"
    assert not plan.analysis.guard.enabled


def test_a_process_without_a_canary_is_adopted_first() -> None:
    assert names(compile_plan(Bundle(process=a_process(), revision="r1"))) == [
        "adopt",
        "all-primary",
    ]


def test_nothing_to_plan_for_is_said() -> None:
    assert "neither a Canary nor a Process" in refusal(Bundle(revision="r1"))


def test_each_hook_goes_where_its_type_says() -> None:
    plan = a_plan(a_canary({**WEIGHTED, "webhooks": EVERY_HOOK}))
    assert [hook.name for hook in plan.analysis.hooks] == ["rollout"]
    assert [hook.name for hook in plan.analysis.rollback_hooks] == ["rollback"]
    assert [hook.name for hook in plan.post_hooks] == ["post-rollout"]
    assert [hook.name for hook in plan.event_hooks] == ["event"]
    assert [hook.name for hook in observed(plan, "pre-rollout").hooks] == ["pre-rollout"]


def test_a_hook_without_a_type_is_called_at_every_interval() -> None:
    hook = {
        "name": "load",
        "url": "http://hooks.test/",
        "timeout": "1m",
        "retries": 2,
        "disableTLS": True,
        "muteAlert": True,
        "metadata": {"cmd": "hey"},
    }
    (found,) = a_plan(a_canary({**WEIGHTED, "webhooks": [hook]})).analysis.hooks
    assert (found.timeout, found.retries) == (60, 2)
    assert found.disable_tls
    assert found.mute_alert
    assert found.metadata == {"cmd": "hey"}


@pytest.mark.parametrize(
    ("interval", "floor", "chosen", "expected"),
    [
        ("500ms", 1, None, 1),
        ("5s", 10, None, 10),
        ("1m", 10, None, 60),
        ("5s", 10, "2s", 5),
        ("5s", 1, "30s", 30),
    ],
)
def test_intervals_keep_the_floor_of_the_platform_unless_a_policy_sets_one(
    interval: str, floor: float, chosen: str | None, expected: float
) -> None:
    canary = a_canary({**WEIGHTED, "interval": interval})
    plan = a_plan(canary, interval_floor=floor, policy=a_policy(min_interval=chosen))
    assert plan.analysis.interval == expected


@pytest.mark.parametrize("threshold", [0, -3])
def test_a_threshold_below_one_is_one(threshold: int) -> None:
    assert a_plan(a_canary({**WEIGHTED, "threshold": threshold})).analysis.threshold == 1


def test_the_policy_reaches_the_plan() -> None:
    guard = {"minFailures": 7, "minLooks": 4, "pValue": 0.001, "notReadyAfter": "3s"}
    policy = a_policy(supersede="queue", no_data="hold", guard=guard)
    plan = a_plan(a_canary(), policy=policy)
    assert plan.policy == "strict"
    assert plan.supersede is Supersede.QUEUE
    assert plan.analysis.no_data is NoData.HOLD
    assert plan.analysis.guard == GuardRule(
        min_failures=7, min_looks=4, p_value=0.001, not_ready_after=3
    )


def test_the_guard_can_be_switched_off() -> None:
    plan = a_plan(a_canary(), policy=a_policy(guard={"enabled": False}))
    assert not plan.analysis.guard.enabled


@pytest.mark.parametrize(
    ("metric", "rate"),
    [
        ({"thresholdRange": {"min": 95}}, 95),
        ({"threshold": 98}, 98),
        ({"thresholdRange": {"min": 0}}, None),
        ({"thresholdRange": {"min": 120}}, 100),
        ({"thresholdRange": {"max": 99}}, None),
        ({}, None),
    ],
)
def test_the_guard_allows_what_the_success_rate_allows(
    metric: dict[str, object], rate: float | None
) -> None:
    metrics = [{"name": "request-success-rate", **metric}]
    plan = a_plan(a_canary({**WEIGHTED, "metrics": metrics}))
    assert plan.analysis.guard.min_success_rate == rate


def test_traffic_has_what_the_router_needs() -> None:
    service = {"name": "front", "port": 8080, "hosts": ["shop.test"]}
    shape = {**WEIGHTED, "mirror": True, "mirrorWeight": 20}
    traffic = a_plan(a_canary(shape, service=service)).traffic
    assert (traffic.provider, traffic.service, traffic.port) == ("local", "front", 8080)
    assert traffic.hosts == ("shop.test",)
    assert traffic.mirror_percent == 20
    assert traffic.match == ()


def test_only_an_ab_test_matches_requests() -> None:
    (match,) = a_plan(a_canary(AB)).traffic.match
    assert match.headers["cookie"].regex == "canary=always"


def test_the_service_has_the_name_of_the_target_unless_it_says_another() -> None:
    assert a_plan(a_canary()).traffic.service == "shop"


def test_without_a_router_every_shape_is_tested_blue_green_and_unseen() -> None:
    canary = a_canary(WEIGHTED, targetRef=DEPLOYMENT, provider="kubernetes")
    plan = a_plan(canary)
    assert plan.strategy is Strategy.BLUE_GREEN
    assert names(plan) == ["start", "iterations", *CLOSING]
    assert observed(plan, "iterations").passes == 10
    assert observed(plan, "iterations").routes == ALL_PRIMARY


def test_a_default_provider_that_cannot_do_it_is_refused_with_a_place() -> None:
    canary = a_canary({**WEIGHTED, "mirror": True}, targetRef=DEPLOYMENT)
    bundle = Bundle(
        canary=canary, revision="r2", promoted_revision="r1", default_provider=Provider.TRAEFIK
    )
    text = refusal(bundle)
    assert "Canary default/shop: spec.analysis.mirror" in text
    assert "traefik" in text


def test_readiness_comes_from_the_manifest() -> None:
    canary = a_canary({**WEIGHTED, "canaryReadyThreshold": 50}, progressDeadlineSeconds=30)
    start = a_plan(canary).steps[0]
    assert isinstance(start, Start)
    assert (start.deadline, start.ready_percent) == (30, 50)


def undoing(after: str) -> EffectivePolicy:
    hook = {"name": "drop-cache", "after": after, "url": "http://hooks.test/undo", "timeout": "3s"}
    return a_policy(undo=[{**hook, "metadata": {"of": "shop"}}])


def test_an_undo_hook_is_tied_to_a_step() -> None:
    (undo,) = a_plan(a_canary(), policy=undoing("weight-10")).undo
    assert (undo.name, undo.after, undo.timeout) == ("drop-cache", "weight-10", 3)
    assert undo.metadata == {"of": "shop"}


def test_an_undo_hook_after_a_step_that_is_not_there_is_refused_with_the_steps_there_are() -> None:
    bundle = Bundle(
        canary=a_canary(), revision="r2", promoted_revision="r1", policy=undoing("weight-20")
    )
    text = refusal(bundle)
    assert "RolloutPolicy strict: spec.undo[0].after: names no step of this plan" in text
    assert "start, weight-10, weight-50, promote, all-primary, finish" in text
    assert "did you mean weight-" in text


def test_skipping_the_analysis_is_never_stopped_by_an_undo_hook() -> None:
    canary = a_canary(skipAnalysis=True)
    assert a_plan(canary, policy=undoing("weight-10")).undo == ()
    assert [undo.after for undo in a_plan(canary, policy=undoing("start")).undo] == ["start"]


@pytest.mark.parametrize("fields", [{"promoted_revision": None}, {"action": Action.REVERT}])
def test_only_a_release_owes_undo_hooks(fields: dict[str, object]) -> None:
    assert a_plan(a_canary(), policy=undoing("weight-10"), **fields).undo == ()


def checksum(shape: dict[str, object], revision: str) -> str:
    plan: Plan = a_plan(a_canary(shape), revision=revision)
    return plan.checksum


def test_the_checksum_tells_runs_apart_and_is_stable() -> None:
    first = checksum({"stepWeight": 10}, "r2")
    assert first == checksum({"stepWeight": 10}, "r2")
    assert first != checksum({"stepWeight": 20}, "r2")
    assert first != checksum({"stepWeight": 10}, "r3")
    assert 0 < len(first) <= 16
