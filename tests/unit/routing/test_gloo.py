"""RouteTable and Upstreams."""

import pytest
from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, map_at, maps_at
from activities.routing.gloo import GLOO
from activities.routing.router import RouteError
from tests.unit.routing.scenes import a_rollout, ab, live_of, routes, standing

TABLE = Ref("gateway.solo.io/v1", "RouteTable", "web", "shop")
DONOR: KubeObject = {
    "apiVersion": "gloo.solo.io/v1",
    "kind": "Upstream",
    "metadata": {"name": "donor", "namespace": "shop"},
    "spec": {"kube": {"serviceName": "x"}, "loadBalancerConfig": {"ringHash": {}},
             "connectionConfig": {"connectTimeout": "2s"}, "failover": {}},
}  # fmt: skip


def destinations(route: KubeObject) -> list[tuple[JsonValue, JsonValue]]:
    found = maps_at(route, "routeAction", "multi", "destinations")
    return [(map_at(each, "destination", "upstream")["name"], each["weight"]) for each in found]


def shares(primary: int) -> list[tuple[str, int]]:
    return [("shop-web-primaryupstream-80", primary), ("shop-web-canaryupstream-80", 100 - primary)]


def test_weights_stand_between_two_upstreams_of_our_own() -> None:
    made = standing(GLOO.wanted(a_rollout("gloo"), routes(30), {}))

    [route] = maps_at(made[TABLE], "spec", "routes")
    assert route["inheritablePathMatchers"] is True
    assert destinations(route) == shares(70)
    kubes = {ref.name: map_at(each, "spec", "kube") for ref, each in made.items() if ref != TABLE}
    assert kubes == {
        f"shop-web-{role}upstream-80": {
            "serviceName": f"web-{role}", "serviceNamespace": "shop", "servicePort": 80
        }
        for role in ("primary", "canary")
    }  # fmt: skip


def test_users_that_match_nothing_stay_on_the_primary_in_an_ab_test() -> None:
    exact: JsonValue = {"headers": {"x-a": {"exact": "1"}, "x-b": {"regex": "2.*"}}}
    there: JsonValue = {"headers": {"x-c": {}}}
    rollout = a_rollout("gloo", analysis=ab(exact, there))

    matched, others = maps_at(
        standing(GLOO.wanted(rollout, routes(100), {}))[TABLE], "spec", "routes"
    )

    assert matched["matchers"] == [
        {
            "headers": [
                {"name": "x-a", "value": "1"},
                {"name": "x-b", "value": "2.*", "regex": True},
            ]
        },
        {"headers": [{"name": "x-c"}]},
    ]
    assert destinations(matched) == shares(0)
    assert "matchers" not in others
    assert destinations(others) == shares(100)


def test_a_donor_gives_its_settings_and_no_more() -> None:
    ref: JsonValue = {"apiVersion": "gloo.solo.io/v1", "kind": "Upstream", "name": "donor"}
    rollout = a_rollout("gloo", upstreamRef=ref)
    live = live_of(DONOR)

    made = standing(GLOO.wanted(rollout, routes(0), live))

    assert set(live) < set(GLOO.reads(rollout)), "without a namespace it is the Canary's own"
    for ref_, each in made.items():
        if ref_ != TABLE:
            assert map_at(each, "spec").keys() == {"kube", "loadBalancerConfig", "connectionConfig"}
    with pytest.raises(RouteError, match="donor"):
        GLOO.wanted(rollout, routes(0), {})
