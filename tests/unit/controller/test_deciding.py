"""When the controller starts something, and when it leaves a Canary alone."""

from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from activities.kube.objects import KubeObject
from tests.unit.controller.scenes import Json, a_canary, a_deployment
from worker.controller.deciding import Facts, Terms, decide
from workflows.model.identity import Slot
from workflows.model.requests import Action
from workflows.model.revision import target_revision

SLOT = Slot(cluster="prod", namespace="test", name="podinfo")
OURS = "serinus.dev/finalizer"
FLAGGERS = "finalizer.flagger.app"
GOOD, BAD = a_deployment(image="podinfo:1"), a_deployment(image="podinfo:2", generation=2)
PROMOTED, NEWER = target_revision(GOOD, {}), target_revision(BAD, {})


def facts(
    canary: KubeObject,
    target: KubeObject | None = GOOD,
    configs: Mapping[str, str] | None = None,
    missing: tuple[str, ...] = (),
) -> Facts:
    return Facts(SLOT, canary, target, configs or {}, missing)


def with_status(phase: str, applied: str, promoted: str) -> Json:
    status: Json = {"phase": phase, "lastAppliedSpec": applied, "lastPromotedSpec": promoted}
    return a_canary(status=status)


def sent(known: Facts, terms: Terms | None = None) -> tuple[Action, str] | None:
    trigger = decide(known, terms or Terms()).trigger
    return None if trigger is None else (trigger.action, trigger.revision)


def test_a_new_canary_is_initialised() -> None:
    decision = decide(facts(a_canary()), Terms())
    assert decision.trigger is not None
    assert decision.trigger.slot == SLOT
    assert decision.trigger.revision == PROMOTED
    assert decision.refusal == ""


@pytest.mark.parametrize("phase", ["Initialized", "Succeeded", "Failed"])
def test_the_promoted_revision_is_no_release(phase: str) -> None:
    assert sent(facts(with_status(phase, PROMOTED, PROMOTED))) is None


@pytest.mark.parametrize("phase", ["Initialized", "Succeeded", "Failed", "Progressing"])
def test_a_newer_revision_is_released(phase: str) -> None:
    known = facts(with_status(phase, PROMOTED, PROMOTED), BAD)
    assert sent(known) == (Action.RELEASE, NEWER)


@pytest.mark.parametrize("phase", ["Failed", "Progressing", "WaitingPromotion", "Finalising"])
def test_a_revision_that_was_looked_at_is_not_looked_at_again(phase: str) -> None:
    assert sent(facts(with_status(phase, NEWER, PROMOTED), BAD)) is None


@pytest.mark.parametrize("phase", ["Waiting", "Progressing", "WaitingPromotion", "Promoting"])
def test_going_back_to_the_promoted_revision_during_a_run_is_told(phase: str) -> None:
    assert sent(facts(with_status(phase, NEWER, PROMOTED))) == (Action.RELEASE, PROMOTED)


def test_going_back_to_the_promoted_revision_after_a_failure_is_nothing() -> None:
    assert sent(facts(with_status("Failed", NEWER, PROMOTED))) is None


def test_a_changed_config_is_released() -> None:
    known = facts(with_status("Succeeded", PROMOTED, PROMOTED), configs={"secret/s": "1"})
    assert sent(known) is not None


def test_a_config_that_is_not_there_is_waited_for() -> None:
    decision = decide(facts(a_canary(), missing=("Secret s",)), Terms())
    assert decision.trigger is None
    assert "Secret s" in decision.why


def test_a_target_that_is_not_there_is_waited_for() -> None:
    assert sent(facts(a_canary(), None)) is None


def test_a_changed_canary_alone_starts_nothing() -> None:
    status: Json = {"phase": "Succeeded", "lastAppliedSpec": PROMOTED, "lastPromotedSpec": PROMOTED}
    changed = a_canary(status=status, metadata={"generation": 2}, skipAnalysis=True)
    assert sent(facts(changed)) is None


def test_a_suspended_canary_is_left_alone_but_its_deletion_is_not() -> None:
    status: Json = {"phase": "Succeeded", "lastAppliedSpec": "s1-0", "lastPromotedSpec": "s1-0"}
    assert sent(facts(a_canary(status=status, suspend=True))) is None
    gone: Json = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [OURS]}
    deleted = a_canary(status=status, metadata=gone, suspend=True)
    assert sent(facts(deleted)) == (Action.REVERT, "")


def test_the_same_sight_gives_the_same_trigger_and_any_other_gives_another() -> None:
    def id_of(canary: KubeObject, target: KubeObject) -> str:
        trigger = decide(facts(canary, target), Terms()).trigger
        assert trigger is not None
        return trigger.id

    first = id_of(a_canary(), GOOD)
    assert id_of(a_canary(metadata={"labels": {"a": "b"}}), dict(GOOD)) == first
    seen = {
        first,
        id_of(a_canary(), BAD),
        id_of(a_canary(metadata={"uid": "of another of that name"}), GOOD),
        id_of(a_canary(), a_deployment(image="podinfo:1", generation=3)),
        # An adopted primary runs something else: the same target is news to the run that adopted.
        id_of(with_status("Initialized", "s1-primary", "s1-primary"), GOOD),
    }
    assert len(seen) == 5


def test_one_that_was_handed_back_is_left_alone_even_when_it_is_deleted() -> None:
    metadata: Json = {
        "annotations": {"serinus.dev/handed-back": "true"},
        "finalizers": ["finalizer.flagger.app"],
    }
    for more in ({}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}):
        decision = decide(facts(a_canary(metadata={**metadata, **more}), BAD), Terms())
        assert (decision.trigger, decision.finalizers, decision.refusal) == (None, None, None)


@pytest.mark.parametrize(
    ("analysis", "word"),
    [({"stepWeight": "ten"}, "stepWeight"), ({"metrics": [{"name": "x", "templateRef":
                                                           {"name": "none"}}]}, "none")],
)  # fmt: skip
def test_an_invalid_canary_is_refused_with_its_problems(analysis: Json, word: str) -> None:
    decision = decide(facts(a_canary(analysis=analysis)), Terms())
    assert decision.trigger is None
    assert decision.finalizers is None
    assert word in (decision.refusal or "")


def test_references_across_namespaces_are_refused_where_they_are_forbidden() -> None:
    alert: JsonValue = [{"name": "a", "providerRef": {"name": "chat", "namespace": "other"}}]
    canary = a_canary(analysis={"alerts": alert})
    assert decide(facts(canary), Terms()).refusal == ""
    refusal = decide(facts(canary), Terms(no_cross_namespace_refs=True)).refusal or ""
    assert "spec.analysis.alerts[0].providerRef.namespace" in refusal


def test_a_process_is_no_target_in_a_cluster() -> None:
    target: Json = {"apiVersion": "serinus.dev/v1alpha1", "kind": "Process", "name": "podinfo"}
    canary = a_canary(targetRef=target, provider="local")
    assert "local platform" in (decide(facts(canary), Terms()).refusal or "")


def test_a_canary_is_held_until_its_target_serves_again() -> None:
    assert decide(facts(a_canary()), Terms()).finalizers == (OURS,)
    held = a_canary(metadata={"finalizers": ["of.others/x", OURS]})
    assert decide(facts(held), Terms()).finalizers is None


def test_the_finalizer_is_flaggers_where_the_manifest_asks_for_it() -> None:
    before = a_canary(revertOnDeletion=True, metadata={"finalizers": [OURS, "of.others/x"]})
    assert decide(facts(before), Terms()).finalizers == ("of.others/x", FLAGGERS)
    back = a_canary(metadata={"finalizers": [FLAGGERS]})
    assert decide(facts(back), Terms()).finalizers == (OURS,)


def deleted(finalizers: list[JsonValue], status: Json | None = None) -> Json:
    gone: Json = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers}
    return a_canary(metadata=gone, status=status)


@pytest.mark.parametrize("finalizer", [OURS, FLAGGERS])
def test_the_target_of_a_deleted_canary_is_given_back(finalizer: str) -> None:
    status: Json = {"phase": "Succeeded", "lastAppliedSpec": PROMOTED}
    decision = decide(facts(deleted([finalizer], status)), Terms())
    assert decision.trigger is not None
    assert decision.trigger.action is Action.REVERT
    assert decision.finalizers is None


def test_a_canary_that_did_nothing_yet_goes_at_once() -> None:
    decision = decide(facts(deleted([OURS, "of.others/x"])), Terms())
    assert decision.trigger is None
    assert decision.finalizers == ("of.others/x",)


@pytest.mark.parametrize(
    "target",
    [None, {**GOOD, "metadata": {"name": "podinfo", "deletionTimestamp": "2026-01-01T00:00:00Z"}}],
)
def test_a_canary_whose_target_goes_too_never_holds_up_its_namespace(
    target: KubeObject | None,
) -> None:
    status: Json = {"phase": "Succeeded", "lastAppliedSpec": PROMOTED}
    decision = decide(facts(deleted([OURS], status), target), Terms())
    assert decision.trigger is None
    assert decision.finalizers == ()


def test_a_deleted_canary_that_others_hold_is_left_alone() -> None:
    decision = decide(facts(deleted(["of.others/x"])), Terms())
    assert (decision.trigger, decision.finalizers) == (None, None)
