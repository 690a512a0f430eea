"""What the controller remembers of what its watches told."""

from activities.kube.api import Change, Seen
from activities.kube.objects import ref_of
from tests.unit.controller.scenes import Json, a_canary, a_deployment, a_secret
from worker.controller.catalogue import Catalogue
from worker.controller.sources import Source
from workflows.model.identity import Slot

SLOT = Slot(cluster="prod", namespace="test", name="podinfo")
ONLY = frozenset((SLOT,))


def filled(*objects: Json) -> Catalogue:
    catalogue = Catalogue("prod")
    for obj in objects:
        catalogue.see(Seen(Change.ADDED, obj))
    return catalogue


def test_what_a_later_list_does_not_hold_is_gone() -> None:
    catalogue = filled(a_canary(), a_deployment())
    touched = catalogue.forget(Source("apps/v1", "Deployment"), frozenset())
    facts = catalogue.facts(SLOT)
    assert touched == ONLY
    assert facts is not None
    assert facts.target is None


def test_what_a_later_list_still_holds_stays() -> None:
    deployment = a_deployment()
    catalogue = filled(a_canary(), deployment)
    assert not catalogue.forget(Source("apps/v1", "Deployment"), frozenset((ref_of(deployment),)))
    assert catalogue.target_of(SLOT) == deployment


def test_a_list_of_one_namespace_says_nothing_of_another() -> None:
    catalogue = filled(a_canary(), a_deployment())
    assert not catalogue.forget(Source("apps/v1", "Deployment", "other"), frozenset())
    assert catalogue.target_of(SLOT) is not None


def test_a_secret_concerns_only_who_uses_it() -> None:
    catalogue = filled(
        a_canary(), a_deployment(secret="s"), a_canary("other"), a_deployment("other")
    )
    assert catalogue.see(Seen(Change.ADDED, a_secret("s", "MQ=="))) == ONLY
    assert catalogue.see(Seen(Change.MODIFIED, a_secret("s", "MQ=="))) == frozenset()
    assert catalogue.see(Seen(Change.MODIFIED, a_secret("s", "Mg=="))) == ONLY
    assert catalogue.see(Seen(Change.ADDED, a_secret("t", "MQ=="))) == frozenset()


def test_a_canary_that_turns_to_another_target_hears_of_that_one() -> None:
    catalogue = filled(a_canary(), a_deployment())
    target: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "next"}
    assert catalogue.see(Seen(Change.MODIFIED, a_canary(targetRef=target))) == ONLY
    assert catalogue.see(Seen(Change.MODIFIED, a_deployment(image="podinfo:2"))) == frozenset()
    assert catalogue.see(Seen(Change.ADDED, a_deployment("next"))) == ONLY


def test_two_canaries_of_one_target_both_hear_of_it() -> None:
    target: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"}
    catalogue = filled(a_canary(), a_canary("twin", targetRef=target))
    assert len(catalogue.see(Seen(Change.ADDED, a_deployment()))) == 2
