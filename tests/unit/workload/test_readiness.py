"""When copies are ready, by what their own controller says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.kube.objects import map_at
from activities.workload.daemon_set import DaemonSets
from activities.workload.deployment import Deployments
from activities.workload.readiness import Never, NotYet, Ready, needed
from tests.unit.workload.targets import Json, a_target


@given(st.integers(1, 500), st.integers(0, 100))
def test_a_threshold_never_asks_for_no_copy_and_never_for_less_than_its_share(
    count: int, percent: int
) -> None:
    least = needed(count, percent)
    assert 1 <= least <= count
    assert least * 100 >= count * percent


def _deployment(wanted: int = 4, **status: int) -> Json:
    seen = {"observedGeneration": 2, "replicas": 4, "updatedReplicas": 4, "availableReplicas": 4}
    target = a_target(replicas=wanted)
    return {**target, "metadata": {"name": "web", "generation": 2}, "status": {**seen, **status}}


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 1},
        {"updatedReplicas": 3},
        {"replicas": 5},
        {"availableReplicas": 2},
    ],
)
def test_a_deployment_is_not_ready_before(status: dict[str, int]) -> None:
    assert isinstance(Deployments().readiness(_deployment(**status), 75), NotYet)


def test_a_deployment_is_ready_when_its_share_is_available() -> None:
    assert Deployments().readiness(_deployment(availableReplicas=3), 75) == Ready()


def test_one_pod_at_half_is_one_pod() -> None:
    one = _deployment(1, replicas=1, updatedReplicas=1, availableReplicas=0)
    assert isinstance(Deployments().readiness(one, 50), NotYet)


def test_a_deployment_at_zero_is_not_ready() -> None:
    none = _deployment(0, replicas=0, updatedReplicas=0, availableReplicas=0)
    assert isinstance(Deployments().readiness(none, 100), NotYet)


def test_a_passed_deadline_counts_only_for_the_newest_template() -> None:
    gone: Json = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    late = _deployment(availableReplicas=0)
    told: Json = {**map_at(late, "status"), "conditions": [gone]}
    late["status"] = told
    assert isinstance(Deployments().readiness(late, 100), Never)
    newer: Json = {**late, "metadata": {"name": "web", "generation": 3}}
    assert isinstance(Deployments().readiness(newer, 100), NotYet)


@pytest.mark.parametrize(
    ("available", "updated", "wanted", "ready"),
    [(2, 3, 3, True), (1, 3, 3, False), (2, 2, 3, False), (0, 0, 0, False)],
)
def test_a_daemon_set_is_ready_when_its_share_is_available(
    available: int, updated: int, wanted: int, ready: bool
) -> None:
    live: Json = {
        **a_target("DaemonSet"),
        "metadata": {"generation": 1},
        "status": {
            "observedGeneration": 1,
            "desiredNumberScheduled": wanted,
            "updatedNumberScheduled": updated,
            "numberAvailable": available,
        },
    }
    assert isinstance(DaemonSets().readiness(live, 50), Ready) is ready
