"""Which policy holds for a Canary, and what it says when it says nothing."""

from datetime import timedelta

import pytest
from pydantic import JsonValue

from tests.unit.manifests.documents import Document, canary, ours
from workflows.errors import ManifestError
from workflows.model.canary import Canary
from workflows.model.manifest import parse
from workflows.model.measurement import NoData
from workflows.model.plan import Supersede
from workflows.model.policy import EffectivePolicy, RolloutPolicy, effective


def policy(name: str, targets: Document | None = None, **spec: JsonValue) -> RolloutPolicy:
    document = ours("RolloutPolicy", {"targets": targets or {}, **spec}, name=name)
    parsed = parse(document)
    assert isinstance(parsed, RolloutPolicy)
    return parsed


def labelled(**labels: str) -> Canary:
    plain = canary()
    metadata = plain.metadata.model_copy(update={"labels": labels})
    return plain.model_copy(update={"metadata": metadata})


FOR_ALL = policy("for-all")
BY_LABEL = policy("by-label", {"selector": {"matchLabels": {"tier": "web"}}})
BY_NAME = policy("by-name", {"names": ["shop"]})


def test_without_a_policy_the_defaults_hold() -> None:
    default = effective(canary(), [])
    assert default == EffectivePolicy()
    assert (default.source, default.supersede) == ("default", Supersede.RESTART)
    assert (default.no_data, default.min_interval) == (NoData.FAIL, None)
    assert default.guard.enabled
    assert (default.guard.min_failures, default.guard.min_looks) == (5, 3)
    assert default.guard.p_value == 1e-5
    assert default.guard.not_ready_after == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("policies", "source"),
    [
        ([FOR_ALL, BY_LABEL, BY_NAME], "by-name"),
        ([BY_NAME, BY_LABEL, FOR_ALL], "by-name"),
        ([FOR_ALL, BY_LABEL], "by-label"),
        ([FOR_ALL], "for-all"),
    ],
)
def test_most_specific_policy_holds(policies: list[RolloutPolicy], source: str) -> None:
    assert effective(labelled(tier="web", more="x"), policies).source == source


def test_policy_for_others_does_not_hold() -> None:
    others = [BY_LABEL, policy("other", {"names": ["else"]})]
    assert effective(labelled(tier="db"), others).source == "default"


def test_policy_of_another_namespace_does_not_hold() -> None:
    elsewhere = FOR_ALL.metadata.model_copy(update={"namespace": "elsewhere"})
    assert effective(canary(), [FOR_ALL.model_copy(update={"metadata": elsewhere})]).source == (
        "default"
    )


def test_policy_by_name_and_label_holds_for_either() -> None:
    both = policy("both", {"names": ["else"], "selector": {"matchLabels": {"tier": "web"}}})
    assert effective(labelled(tier="web"), [both]).source == "both"


def test_two_equally_specific_policies_are_named() -> None:
    with pytest.raises(ManifestError, match="default/shop by by-name and second"):
        effective(canary(), [policy("second", {"names": ["shop"]}), FOR_ALL, BY_NAME])


def test_what_the_policy_says_is_what_holds() -> None:
    undo: Document = {"name": "flag", "after": "weight 10", "url": "http://a/", "timeout": "3s"}
    spoken = effective(
        canary(),
        [
            policy(
                "spoken",
                supersede="queue",
                noData="hold",
                minInterval="2s",
                guard={"enabled": False},
                undo=[undo],
            )
        ],
    )
    assert (spoken.supersede, spoken.no_data) == (Supersede.QUEUE, NoData.HOLD)
    assert (spoken.min_interval, spoken.guard.enabled) == (timedelta(seconds=2), False)
    assert spoken.undo[0].timeout == timedelta(seconds=3)
