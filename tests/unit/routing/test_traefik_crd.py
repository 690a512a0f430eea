"""TraefikService: the two Services and their weights."""

import pytest
from pydantic import JsonValue

from activities.kube.objects import Ref, map_at, maps_at
from activities.routing.traefik_crd import TRAEFIK
from tests.unit.routing.scenes import a_rollout, changed, routes, standing

REF = Ref("traefik.io/v1alpha1", "TraefikService", "web", "shop")
ROLLOUT = a_rollout("traefik", service={"apex": {"labels": {"team": "shop"}}})


def services(share: int) -> list[tuple[JsonValue, JsonValue]]:
    live = standing(TRAEFIK.wanted(ROLLOUT, routes(share), {}))[REF]
    found = maps_at(live, "spec", "weighted", "services")
    assert all((each["namespace"], each["port"]) == ("shop", 80) for each in found)
    return [(each["name"], each["weight"]) for each in found]


def test_both_services_have_a_weight_and_an_idle_canary_is_left_out() -> None:
    assert services(0) == [("web-primary", 100)]
    assert services(30) == [("web-primary", 70), ("web-canary", 30)]
    assert services(100) == [("web-primary", 0), ("web-canary", 100)]


def test_labels_of_the_apex_are_put_on_it_and_flux_is_kept_away() -> None:
    live = standing(TRAEFIK.wanted(ROLLOUT, routes(0), {}))[REF]

    assert map_at(live, "metadata", "labels") == {"team": "shop"}
    assert "kustomize.toolkit.fluxcd.io/reconcile" in map_at(live, "metadata", "annotations")


@pytest.mark.parametrize(
    "edited",
    [
        [("web-primary", 100), ("web-canary", 100)],
        [("web-primary", None), ("web-canary", None)],
        [("web-primary", 70), ("stranger", 30)],
        [("web-primary", 70), ("web-canary", 30), ("web-canary", 30)],
        [("web-canary", 100)],
        [],
    ],
)
def test_drift_is_seen_for_what_it_is_and_never_becomes_half_and_half(
    edited: list[tuple[str, int | None]],
) -> None:
    live = standing(TRAEFIK.wanted(ROLLOUT, routes(30), {}))
    listed: list[JsonValue] = [{"name": name, **({"weight": weight} if weight is not None else {})}
                               for name, weight in edited]  # fmt: skip
    drifted = {REF: changed(live[REF], "spec", "weighted", "services", to=listed)}

    assert TRAEFIK.routes_of(ROLLOUT, drifted) is None
    repaired = standing(TRAEFIK.wanted(ROLLOUT, routes(30), drifted), drifted)
    assert TRAEFIK.routes_of(ROLLOUT, repaired) == routes(30)
