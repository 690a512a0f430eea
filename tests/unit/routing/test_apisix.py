"""ApisixRoute: one rule of the user's, shadowed."""

import pytest
from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, map_at, maps_at
from activities.routing.apisix import APISIX
from activities.routing.router import RouteError
from tests.unit.routing.scenes import (
    a_rollout,
    an_apisix_route,
    changed,
    live_of,
    routes,
    standing,
)

COPY = Ref("apisix.apache.org/v2", "ApisixRoute", "way-web-canary", "shop")
ROLLOUT = a_rollout("apisix")


def copied(original: KubeObject, share: int = 30) -> KubeObject:
    live = live_of(original)
    return standing(APISIX.wanted(ROLLOUT, routes(share), live), live)[COPY]


def test_the_rule_of_the_apex_is_copied_above_the_original() -> None:
    copy = copied(an_apisix_route())

    assert map_at(copy, "spec").keys() == {"ingressClassName", "http"}
    inherited = {"servicePort": 80, "resolveGranularity": "service"}
    assert maps_at(copy, "spec", "http") == [
        {"name": "web", "match": {"paths": ["/*"]}, "priority": 10_000, "backends": [
            {**inherited, "serviceName": "web-primary", "weight": 70},
            {**inherited, "serviceName": "web-canary", "weight": 30},
        ]}
    ]  # fmt: skip
    assert map_at(copy, "metadata", "labels") == {"team": "shop"}


def test_an_edit_of_the_original_is_followed() -> None:
    edited = changed(an_apisix_route(), "spec", "http", 1, "match", to={"paths": ["/v2/*"]})

    assert maps_at(copied(edited), "spec", "http")[0]["match"] == {"paths": ["/v2/*"]}


@pytest.mark.parametrize("backends", [("other",), ("web", "other")])
def test_a_rule_with_the_apex_alone_is_asked_for(backends: tuple[str, ...]) -> None:
    with pytest.raises(RouteError, match="web"):
        copied(an_apisix_route(backends))


def test_a_priority_that_does_not_shadow_is_no_route() -> None:
    drifted = changed(copied(an_apisix_route()), "spec", "http", 0, "priority", to=1)

    assert APISIX.routes_of(ROLLOUT, {COPY: drifted}) is None


def test_apisix_has_taken_it_when_it_has_seen_the_generation() -> None:
    copy = changed(copied(an_apisix_route()), "metadata", "generation", to=3)
    old = changed(copy, "status", "conditions", to=[{"status": "True", "observedGeneration": 2}])
    said: JsonValue = {"status": "False", "observedGeneration": 3, "message": "no plugin"}
    bad = changed(copy, "status", "conditions", to=[said])

    assert APISIX.waiting(ROLLOUT, {COPY: copy}) is None
    assert "not taken" in (APISIX.waiting(ROLLOUT, {COPY: old}) or "")
    assert "no plugin" in (APISIX.waiting(ROLLOUT, {COPY: bad}) or "")
