from pathlib import Path

import pytest

from activities.local.home import Home
from activities.manifests import load
from worker.applying import Applied, Applier, NotApplied
from worker.stack.demo import example
from worker.stack.ports import Ports
from workflows.errors import ManifestError
from workflows.model.canary import Canary
from workflows.model.identity import Slot
from workflows.model.manifest import Manifest
from workflows.model.policy import RolloutPolicy
from workflows.model.process import Process
from workflows.model.requests import Action

POLICY = """
apiVersion: serinus.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: careful}
spec: {supersede: queue}
"""


def manifest(file: str) -> Manifest:
    (found,) = load(example(file, Ports()))
    return found


def named(file: str, name: str) -> Manifest:
    """The shop's Canary under another name: two Canaries of one Process."""
    (found,) = load(example(file, Ports()).replace("  name: shop\nspec", f"  name: {name}\nspec"))
    return found


@pytest.fixture
def applier(tmp_path: Path) -> Applier:
    home = Home(tmp_path)
    home.prepare()
    return Applier(home)


def slots(applied: Applied) -> list[str]:
    return [trigger.slot.key for trigger in applied.triggers]


def test_a_canary_and_its_process_are_one_rollout(applier: Applier) -> None:
    applied = applier.apply([manifest("canary.yaml"), manifest("v1.yaml")])
    assert slots(applied) == ["default/shop"]
    assert [change.changed for change in applied.changes] == [True, True]


def test_what_did_not_change_triggers_nothing_unless_asked_again(applier: Applier) -> None:
    both = [manifest("canary.yaml"), manifest("v1.yaml")]
    applier.apply(both)
    assert applier.apply(both).triggers == ()
    assert slots(applier.apply(both, again=True)) == ["default/shop"]


def test_a_canary_waits_for_its_process(applier: Applier) -> None:
    assert applier.apply([manifest("canary.yaml")]).triggers == ()
    assert slots(applier.apply([manifest("v1.yaml")])) == ["default/shop"]


def test_a_process_without_a_canary_has_a_slot_of_its_own_name(applier: Applier) -> None:
    assert slots(applier.apply([manifest("v1.yaml")])) == ["default/shop"]


def test_a_changed_process_is_released_by_the_canary_that_points_at_it(applier: Applier) -> None:
    applier.apply([named("canary.yaml", "till"), manifest("v1.yaml")])
    assert slots(applier.apply([manifest("v2.yaml")])) == ["default/till"]


def test_the_same_change_has_the_same_trigger_and_going_back_another(applier: Applier) -> None:
    applier.apply([manifest("canary.yaml"), manifest("v1.yaml")])
    (forth,) = applier.apply([manifest("v2.yaml")]).triggers
    (back,) = applier.apply([manifest("v1.yaml")]).triggers
    (again,) = applier.apply([manifest("v2.yaml")]).triggers
    assert forth == again
    assert forth.id != back.id


def test_a_policy_triggers_nothing(applier: Applier) -> None:
    (policy,) = load(POLICY)
    assert applier.apply([policy]).triggers == ()
    assert applier.delete(RolloutPolicy, "default", "careful") is None
    with pytest.raises(NotApplied, match="there is no RolloutPolicy default/careful"):
        applier.delete(RolloutPolicy, "default", "careful")


def test_deleting_a_canary_reverts_its_slot(applier: Applier) -> None:
    applier.apply([manifest("canary.yaml"), manifest("v1.yaml")])
    trigger = applier.delete(Canary, "default", "shop")
    assert trigger is not None
    assert (trigger.slot, trigger.action) == (Slot(name="shop"), Action.REVERT)


def test_a_process_that_a_canary_releases_cannot_be_deleted(applier: Applier) -> None:
    applier.apply([manifest("canary.yaml"), manifest("v1.yaml")])
    with pytest.raises(NotApplied, match="delete the Canary first"):
        applier.delete(Process, "default", "shop")


def test_two_canaries_cannot_have_one_service(applier: Applier) -> None:
    applier.apply([manifest("canary.yaml")])
    with pytest.raises(ManifestError, match="is the service of Canary default/shop already"):
        applier.apply([named("canary.yaml", "till"), manifest("v1.yaml")])

    assert slots(applier.apply([manifest("canary.yaml"), manifest("v1.yaml")])) == ["default/shop"]
