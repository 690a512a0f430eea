"""What is said beforehand of each Canary, and that it is what the controller then does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.kube.left import MID_RUN, adopted
from tests.unit.controller.scenes import a_canary, a_deployment
from worker.controller.deciding import Facts, Terms, decide
from worker.takeover.fate import Fate, Sight, fate_of
from workflows.model.identity import Slot
from workflows.model.revision import target_revision
from workflows.model.status import Phase

PHASES = ("", "Initialized", "Succeeded", "Failed", *sorted(MID_RUN))


def sight(**seen: object) -> Sight:
    return Sight(**{"name": "shop", "namespace": "team", "phase": "Succeeded", **seen})  # type: ignore[arg-type]  # one place for many shapes


@pytest.mark.parametrize(
    ("seen", "fate", "why"),
    [
        ({}, Fate.KEPT, "runs what the target holds"),
        ({"phase": "Failed", "same": False}, Fate.KEPT, "failed and is not released again"),
        ({"same": False}, Fate.RELEASED, "differs from the primary"),
        ({"phase": "", "same": False}, Fate.RELEASED, "differs"),
        ({"phase": "Progressing", "same": False}, Fate.SAFE_FIRST, "released from the start"),
        ({"phase": "Waiting", "same": False}, Fate.SAFE_FIRST, "released from the start"),
        ({"phase": "WaitingPromotion", "same": False}, Fate.SAFE_FIRST, "from the start"),
        ({"phase": "Promoting", "same": False}, Fate.SAFE_FIRST, "from the start"),
        ({"phase": "Promoting"}, Fate.SAFE_FIRST, "already: promoted"),
        ({"phase": "Finalising"}, Fate.SAFE_FIRST, "already: promoted"),
        ({"phase": "Promoting", "not_ready": "1 of 2"}, Fate.SAFE_FIRST, "already: promoted"),
        ({"phase": "Failed", "canary_weight": 100}, Fate.SAFE_FIRST, "already: promoted"),
        ({"phase": "Failed", "canary_weight": 100, "same": False}, Fate.SAFE_FIRST, "not released"),
        ({"not_ready": "1 of 2 pods"}, Fate.REFUSED, "not ready (1 of 2 pods)"),
        ({"primary": False}, Fate.INITIALISED, "no primary yet"),
        ({"suspended": True, "same": False}, Fate.KEPT, "suspended"),
        ({"target": False, "primary": False}, Fate.REFUSED, "target is not there"),
        ({"missing": "Secret key"}, Fate.REFUSED, "Secret key"),
        ({"refusal": "spec.x: is wrong"}, Fate.REFUSED, "spec.x: is wrong"),
        ({"deleted": True}, Fate.REFUSED, "being deleted"),
        ({"ours": True, "phase": "Progressing"}, Fate.OURS, "already"),
    ],
)
def test_the_table(seen: dict[str, object], fate: Fate, why: str) -> None:
    verdict = fate_of(sight(**seen))

    assert verdict.fate is fate
    assert why in verdict.why


@given(phase=st.sampled_from(PHASES), same=st.booleans())
def test_what_is_foretold_is_what_the_controller_does_after_the_adoption(
    phase: str, same: bool
) -> None:
    target = a_deployment(image="podinfo:2")
    revision = target_revision(target, {})
    promoted = revision if same else "s1-0000000000000000"
    after = adopted(phase, revision, promoted)
    status = {
        "phase": after.phase.value,
        "lastAppliedSpec": after.applied,
        "lastPromotedSpec": promoted,
    }
    slot = Slot(cluster="prod", namespace="test", name="podinfo")

    next_ = decide(Facts(slot=slot, canary=a_canary(status=status), target=target), Terms())

    foretold = fate_of(sight(phase=phase, same=same))
    released = foretold.fate is Fate.RELEASED or "from the start" in foretold.why
    assert (next_.trigger is not None) is released


@given(phase=st.sampled_from(PHASES))
def test_a_failed_revision_stays_the_one_that_failed(phase: str) -> None:
    after = adopted(phase, "s1-target", "s1-primary")

    assert after.failed is (phase == Phase.FAILED)
    assert after.applied == ("s1-target" if after.failed else "s1-primary")
