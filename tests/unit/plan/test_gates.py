"""Where the gates of a policy stand in a plan, and what they ask for."""

from collections.abc import Mapping

import pytest

from tests.unit.plan.builders import AB, BLUE_GREEN, WEIGHTED, a_canary, a_plan, a_process, names
from workflows.compile import AUTHOR
from workflows.errors import ManifestError
from workflows.model.approval import Circle, GateRule, OnExpiry
from workflows.model.plan import Ask, Plan
from workflows.model.policy import EffectivePolicy
from workflows.model.requests import Action

HOOKED: Mapping[str, object] = {
    **WEIGHTED,
    "webhooks": [
        {"name": kind, "type": kind, "url": "http://hooks.test/"}
        for kind in ("confirm-traffic-increase", "confirm-promotion")
    ],
}
ANA = {"people": ["ana"]}
BEN = {"people": ["ben"]}


Shape = Mapping[str, object]


def planned(*gates: Mapping[str, object], shape: Shape = WEIGHTED, **spec: object) -> Plan:
    policy = EffectivePolicy.model_validate({"source": "strict", "gates": gates})
    return a_plan(a_canary(shape, **spec), policy=policy)


def asking(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Who is asked at each gate."""
    return {step.name: step.rule.who.people for step in plan.steps if isinstance(step, Ask)}


def test_without_gates_a_plan_is_what_it_was() -> None:
    assert planned() == a_plan(a_canary(), policy=EffectivePolicy(source="strict"))


@pytest.mark.parametrize(
    ("shape", "at", "before"),
    [
        (WEIGHTED, "confirm-rollout", {"confirm-rollout": "start"}),
        (WEIGHTED, "confirm-promotion", {"confirm-promotion": "promote"}),
        (WEIGHTED, "confirm-traffic-increase",
         {"traffic-10": "weight-10", "traffic-50": "weight-50"}),
        (WEIGHTED, "weight-50", {"before-weight-50": "weight-50"}),
        (WEIGHTED, "start", {"before-start": "start"}),
        (WEIGHTED, "promote", {"before-promote": "promote"}),
        (BLUE_GREEN, "confirm-promotion", {"confirm-promotion": "all-canary"}),
        (BLUE_GREEN, "confirm-traffic-increase", {"traffic-100": "all-canary"}),
        (AB, "confirm-traffic-increase", {"traffic-100": "matched"}),
        (AB, "confirm-promotion", {"confirm-promotion": "promote"}),
    ],
)  # fmt: skip
def test_where_there_is_no_gate_the_policy_puts_one(
    shape: Shape, at: str, before: dict[str, str]
) -> None:
    plan = planned({"at": at, **ANA}, shape=shape)
    order = names(plan)
    assert {gate: order[order.index(gate) + 1] for gate in asking(plan)} == before
    assert set(asking(plan).values()) == {("ana",)}


def test_where_there_is_a_gate_the_rule_joins_it_and_hooks_stay() -> None:
    plan = planned({"at": "confirm-promotion", **ANA}, shape=HOOKED)
    assert names(plan) == names(a_plan(a_canary(HOOKED)))
    gate = plan.steps[plan.step_named("confirm-promotion")]
    assert isinstance(gate, Ask)
    assert (gate.rule.who.people, len(gate.hooks)) == (("ana",), 1)
    assert gate.summary == "ask before the promotion: 1 approval of ana"
    assert asking(plan)["traffic-10"] == ()


def test_a_step_named_by_itself_has_the_last_word_whatever_the_order() -> None:
    gates = ({"at": "weight-50", **BEN}, {"at": "confirm-traffic-increase", **ANA})
    for shape in (WEIGHTED, HOOKED):
        asked = asking(planned(*gates, shape=shape))
        assert (asked["traffic-10"], asked["traffic-50"]) == (("ana",), ("ben",))


def test_skipping_the_analysis_is_no_way_around_a_gate() -> None:
    gates = [
        {"at": at, **ANA}
        for at in ("confirm-rollout", "confirm-traffic-increase", "confirm-promotion", "weight-10",
                   "weight-50")
    ]  # fmt: skip
    order = names(planned(*gates, skipAnalysis=True))
    asked = [name for name in order[: order.index("promote")] if name != "start"]
    assert sorted(asked) == [
        "before-weight-10",
        "before-weight-50",
        "confirm-promotion",
        "confirm-rollout",
        "traffic-promotion",
    ]


@pytest.mark.parametrize("analysed", [True, False])
def test_an_unknown_step_is_refused_with_what_was_meant(analysed: bool) -> None:
    with pytest.raises(ManifestError) as refused:
        planned({"at": "promote"}, {"at": "wieght-50"}, skipAnalysis=not analysed)
    (problem,) = refused.value.problems
    assert (problem.path, problem.did_you_mean) == ("spec.gates[1].at", "weight-50")
    assert problem.where == "RolloutPolicy strict"


def test_after_the_promotion_there_is_nothing_to_ask() -> None:
    with pytest.raises(ManifestError, match="neither a kind of gate nor a step up to"):
        planned({"at": "finish"})


@pytest.mark.parametrize("more", [{"promoted_revision": None}, {"action": Action.REVERT}])
def test_only_a_release_is_asked_about(more: dict[str, object]) -> None:
    policy = EffectivePolicy.model_validate({"gates": [{"at": "promote", **ANA}]})
    assert not asking(a_plan(a_canary(), policy=policy, **more))


def test_the_rule_is_what_the_policy_says_in_seconds() -> None:
    plan = planned(
        {
            "at": "promote",
            "people": ["ana"],
            "groups": ["release"],
            "quorum": 2,
            "notAuthor": True,
            "proven": True,
            "expires": "4h",
            "onExpiry": "escalate",
            "escalateAfter": "90m",
            "escalateTo": {"groups": ["owners"]},
        }
    )
    gate = plan.steps[plan.step_named("before-promote")]
    assert isinstance(gate, Ask)
    assert gate.rule == GateRule(
        who=Circle(people=("ana",), groups=("release",)),
        quorum=2,
        not_author=True,
        proven=True,
        expires_after=14_400,
        on_expiry=OnExpiry.ESCALATE,
        escalate_after=5_400,
        escalate_to=Circle(groups=("owners",)),
    )


def test_the_author_is_whom_the_target_names() -> None:
    process = a_process()
    metadata = process.metadata.model_copy(update={"annotations": {AUTHOR: "ben"}})
    annotated = process.model_copy(update={"metadata": metadata})
    assert a_plan(a_canary(), process=annotated).author == "ben"
    assert a_plan(a_canary(), process=process).author == ""
