"""Which triggers wait for an event, and which targets they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.receivers.events import a_trigger
from worker.gateway.receivers.event import Event
from worker.gateway.receivers.matching import Target, concerns, meant, wanted
from workflows.model.identity import Slot
from workflows.model.trigger import TriggerAction

EVENT = Event(
    kind="Kustomization",
    namespace="flux-system",
    name="shop",
    severity="error",
    reason="HealthCheckFailed",
    cluster="prod-1",
    metadata={"env": "prod"},
)
KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
OWNED = {f"{KUSTOMIZE}/name": "shop", f"{KUSTOMIZE}/namespace": "flux-system"}


def a_target(name: str, namespace: str = "apps", **labels: str) -> Target:
    return Target(Slot(namespace=namespace, name=name), labels)


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ([], True),
        ([{"kind": ["Kustomization", "HelmRelease"]}], True),
        ([{"kind": ["HelmRelease"]}], False),
        ([{"kind": ["HelmRelease"]}, {"reason": ["*Failed"]}], True),
        ([{"kind": ["Kustomization"], "reason": ["Reconciliation*"]}], False),
        ([{"namespace": ["flux-*"], "name": ["sh?p"], "severity": ["error"]}], True),
        ([{"cluster": ["prod-[12]"]}], True),
        ([{"cluster": ["stage"]}], False),
        ([{"metadata": {"env": "pr*"}}], True),
        ([{"metadata": {"env": "stage"}}], False),
        ([{"metadata": {"team": "*"}}], False),
        ([{"kind": ["kustomization"]}], False),
    ],
)
def test_an_event_fits_if_any_match_has_all_of_it(
    match: list[dict[str, object]], fits: bool
) -> None:
    assert concerns(a_trigger(match=match), EVENT) is fits


def test_a_suspended_trigger_waits_for_nothing() -> None:
    assert not concerns(a_trigger(suspend=True), EVENT)


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        ({"names": ["shop", "gone"]}, ["shop"]),
        ({"selector": {"matchLabels": {"tier": "web"}}}, ["cart"]),
        ({"names": ["shop"], "selector": {"matchLabels": {"tier": "web"}}}, ["shop", "cart"]),
        ({"fromObject": "owned"}, ["owned"]),
        ({"fromObject": "same"}, []),
    ],
)
def test_targets_are_those_that_any_way_names(targets: dict[str, object], names: list[str]) -> None:
    owned = Target(Slot(namespace="apps", name="owned"), OWNED)
    known = [a_target("shop"), a_target("cart", tier="web"), owned]
    found = meant(a_trigger(targets=targets), EVENT, known)
    assert [slot.name for slot in found] == names


def test_the_same_object_is_that_of_the_same_namespace() -> None:
    trigger = a_trigger(targets={"fromObject": "same"})
    event = EVENT.model_copy(update={"namespace": "apps"})
    known = [a_target("shop"), a_target("shop", "other"), a_target("cart")]
    assert list(meant(trigger, event, known)) == [Slot(namespace="apps", name="shop")]


def test_only_kustomizations_and_helm_releases_own() -> None:
    trigger = a_trigger(targets={"fromObject": "owned"})
    owned = Target(Slot(namespace="apps", name="owned"), OWNED)
    for kind in ("GitRepository", "HelmRelease"):
        assert not list(meant(trigger, EVENT.model_copy(update={"kind": kind}), [owned]))


names = st.sampled_from(["shop", "cart"])
namespaces = st.sampled_from(["apps", "other", "flux-system"])
kinds_of_targets = st.fixed_dictionaries(
    {},
    optional={
        "names": st.lists(names, min_size=1),
        "selector": st.just({"matchLabels": {"tier": "web"}}),
        "fromObject": st.sampled_from(["same", "owned"]),
    },
).filter(bool)


@given(kinds_of_targets, st.lists(st.builds(a_target, names, namespaces, tier=st.just("web"))))
def test_a_trigger_never_acts_outside_its_namespace(
    targets: dict[str, object], known: list[Target]
) -> None:
    for event in (EVENT, EVENT.model_copy(update={"namespace": "other"})):
        slots = list(meant(a_trigger(targets=targets), event, known))
        assert {slot.namespace for slot in slots} <= {"apps"}


def test_two_triggers_that_want_the_same_give_one_order() -> None:
    triggers = [a_trigger(), a_trigger(), a_trigger(action="abort")]
    found = wanted(triggers, EVENT, [a_target("shop")])
    assert [each.action for each in found] == [TriggerAction.SUBMIT, TriggerAction.ABORT]
