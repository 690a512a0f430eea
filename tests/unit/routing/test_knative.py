"""Knative: traffic between revisions of the target itself."""

import pytest
from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, map_at, maps_at, texts_at
from activities.routing.knative import KNATIVE, PRIMARY_REVISION
from activities.routing.removals import removals
from activities.routing.router import RouteError
from tests.unit.routing.scenes import a_knative_service, a_rollout, changed, routes, standing

REF = Ref("serving.knative.dev/v1", "Service", "app", "shop")
ROLLOUT = a_rollout("knative")


def written(share: int, live: KubeObject) -> KubeObject:
    wanted = KNATIVE.wanted(ROLLOUT, routes(share), {REF: live})
    assert not wanted.owned
    return standing(wanted, {REF: live})[REF]


def test_traffic_is_between_the_newest_revision_and_the_noted_one() -> None:
    live = written(
        30, a_knative_service(flagger__app="x", **{"flagger.app__primary-revision": "p"})
    )

    assert maps_at(live, "spec", "traffic") == [
        {"latestRevision": True, "percent": 30},
        {"revisionName": "p", "percent": 70},
    ]


def test_a_lost_note_of_the_stable_revision_is_found_again_in_the_traffic() -> None:
    full = written(100, a_knative_service(**{"flagger.app__primary-revision": "app-00001"}))
    lost = changed(full, "metadata", "annotations", to={})
    lost = changed(lost, "status", "traffic", to=[
        {"latestRevision": True, "revisionName": "app-00002", "percent": 100},
        {"revisionName": "app-00001", "percent": 0},
    ])  # fmt: skip

    assert KNATIVE.routes_of(ROLLOUT, {REF: lost}) is None
    healed = written(100, lost)
    assert texts_at(healed, "metadata", "annotations")[PRIMARY_REVISION] == "app-00001"
    assert KNATIVE.routes_of(ROLLOUT, {REF: healed}) == routes(100)


def test_at_first_sight_the_revision_that_serves_is_the_stable_one() -> None:
    live = written(0, a_knative_service())

    assert texts_at(live, "metadata", "annotations")[PRIMARY_REVISION] == "app-00001"


def test_without_any_ready_revision_there_is_nobody_to_keep_users_on() -> None:
    with pytest.raises(RouteError, match="no ready revision"):
        written(0, changed(a_knative_service(), "status", to={}))


def test_addresses_of_the_users_own_stay() -> None:
    tag: JsonValue = {"revisionName": "app-00000", "tag": "old"}
    live = changed(a_knative_service(), "spec", "traffic", to=[tag])

    after = written(20, live)

    assert maps_at(after, "spec", "traffic")[2] == tag
    assert KNATIVE.routes_of(ROLLOUT, {REF: after}) == routes(20)
    back = standing(KNATIVE.undone(ROLLOUT, {REF: after}), {REF: after})[REF]
    assert maps_at(back, "spec", "traffic") == [{"latestRevision": True, "percent": 100}, tag]


def test_a_revert_sends_all_to_the_newest_and_takes_the_note_away() -> None:
    live = written(20, a_knative_service())
    undone = KNATIVE.undone(ROLLOUT, {REF: live})

    assert not undone.owned
    assert undone.absent == ()
    assert removals(undone.objects[0], live) == {
        "metadata": {"annotations": {PRIMARY_REVISION: None}}
    }
    after = standing(undone, {REF: live})[REF]
    assert maps_at(after, "spec", "traffic") == [{"latestRevision": True, "percent": 100}]
    assert map_at(after, "spec")["template"] == {}
    assert KNATIVE.undone(ROLLOUT, {}).objects == ()


@pytest.mark.parametrize(
    ("observed", "ready", "taken"), [(1, "True", False), (2, "Unknown", False), (2, "True", True)]
)
def test_knative_has_taken_it_when_its_routes_are_ready(
    observed: int, ready: str, taken: bool
) -> None:
    live = changed(a_knative_service(), "metadata", "generation", to=2)
    live = changed(live, "status", to={
        "observedGeneration": observed, "conditions": [{"type": "RoutesReady", "status": ready}],
    })  # fmt: skip

    assert (KNATIVE.waiting(ROLLOUT, {REF: live}) is None) == taken
