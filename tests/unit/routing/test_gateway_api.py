import copy
import re

import pytest
from hypothesis import given
from pydantic import JsonValue

from activities.kube.objects import Ref, at, map_at, maps_at, text_at
from activities.routing.gateway_api import V1, V1BETA1, GatewayApiRouter
from activities.routing.router import Rollout, RouteError
from tests.unit.routing.a_rollout import (
    AB,
    AFFINITY,
    BLUE_GREEN,
    GATEWAY,
    WEIGHTED,
    Json,
    a_rollout,
    routes,
    the,
    written,
)
from workflows.model.plan import ALL_PRIMARY, Routes

ROUTER = GatewayApiRouter(V1)
OLDER = GatewayApiRouter(V1BETA1)
TEN = Routes(primary=90, canary=10)
MIRRORED = Routes(primary=100, canary=0, mirrored=True)
STICKY: Json = {**WEIGHTED, "sessionAffinity": AFFINITY}
PREFIX: Json = {"path": {"type": "PathPrefix", "value": "/"}}
SHAPES = (
    a_rollout("gatewayapi:v1"),
    a_rollout("gatewayapi:v1", {"match": [{"uri": {"prefix": "/a"}}], "timeout": "5s"}, AB),
    a_rollout("gatewayapi:v1", {"headers": {"response": {"add": {"a": "b"}}}}, STICKY),
)


def a_route(rollout: Rollout, wanted: Routes, router: GatewayApiRouter = ROUTER) -> Json:
    return the(written(router, rollout, wanted), "HTTPRoute")


def rules(rollout: Rollout, wanted: Routes, router: GatewayApiRouter = ROUTER) -> list[Json]:
    return list(maps_at(a_route(rollout, wanted, router), "spec", "rules"))


def shares(rule: Json) -> dict[str, JsonValue]:
    return {text_at(side, "name"): side["weight"] for side in maps_at(rule, "backendRefs")}


def filters(rule: Json) -> dict[str, Json]:
    return {text_at(each, "type"): each for each in maps_at(rule, "filters")}


@pytest.mark.parametrize("router", [ROUTER, OLDER])
@pytest.mark.parametrize("rollout", SHAPES)
@given(wanted=routes)
def test_what_is_written_reads_back_as_the_same_routes(
    router: GatewayApiRouter, rollout: Rollout, wanted: Routes
) -> None:
    assert router.routes_of(rollout, written(router, rollout, wanted)) == wanted


@pytest.mark.parametrize("analysis", [WEIGHTED, BLUE_GREEN, STICKY])
def test_mirrored_routes_read_back(analysis: Json) -> None:
    rollout = a_rollout("gatewayapi:v1", analysis=analysis)
    assert ROUTER.routes_of(rollout, written(ROUTER, rollout, MIRRORED)) == MIRRORED


def test_a_static_mirror_is_no_mirrored_route() -> None:
    service: Json = {"mirror": [{"backendRef": {"name": "shadow", "port": 80}, "percent": 5}]}
    rollout = a_rollout("gatewayapi:v1", service)
    [rule] = rules(rollout, ALL_PRIMARY)
    assert (
        text_at(filters(rule)["RequestMirror"], "requestMirror", "backendRef", "name") == "shadow"
    )
    assert ROUTER.routes_of(rollout, written(ROUTER, rollout, ALL_PRIMARY)) == ALL_PRIMARY


@given(wanted=routes)
def test_a_rule_of_somebody_else_is_no_route_of_ours(wanted: Routes) -> None:
    rollout = a_rollout("gatewayapi:v1")
    live = copy.deepcopy(written(ROUTER, rollout, wanted))
    maps_at(the(live, "HTTPRoute"), "spec", "rules")[0]["timeouts"] = {"request": "1ms"}
    assert ROUTER.routes_of(rollout, live) is None


def test_it_attaches_to_every_parent_under_every_host() -> None:
    linkerd: Json = {"group": "core", "kind": "Service", "name": "shop", "port": 80}
    service: Json = {"gatewayRefs": [GATEWAY, linkerd], "hosts": ["shop.example.com"]}
    spec = map_at(a_route(a_rollout("gatewayapi:v1", service), TEN), "spec")
    assert spec["parentRefs"] == [
        {"group": "gateway.networking.k8s.io", "kind": "Gateway", **GATEWAY},
        linkerd,
    ]
    assert spec["hostnames"] == ["shop.example.com"]


def test_one_rule_shares_users_by_weight() -> None:
    [rule] = rules(a_rollout("gatewayapi:v1"), TEN)
    backend = {"group": "", "kind": "Service", "port": 80}
    assert rule == {
        "matches": [PREFIX],
        "backendRefs": [
            {**backend, "name": "shop-primary", "weight": 90},
            {**backend, "name": "shop-canary", "weight": 10},
        ],
    }


def test_filters_are_those_of_the_service() -> None:
    service: Json = {
        "headers": {
            "request": {"set": {"b": "2", "a": "1"}, "remove": ["z", "y"]},
            "response": {"add": {"c": "3"}},
        },
        "rewrite": {"uri": "/v2", "authority": "inner", "type": "ReplacePrefixMatch"},
    }
    [rule] = rules(a_rollout("gatewayapi:v1", service), TEN)
    found = filters(rule)
    assert found["RequestHeaderModifier"]["requestHeaderModifier"] == {
        "set": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
        "remove": ["y", "z"],
    }
    assert found["ResponseHeaderModifier"]["responseHeaderModifier"] == {
        "add": [{"name": "c", "value": "3"}]
    }
    assert found["URLRewrite"]["urlRewrite"] == {
        "hostname": "inner",
        "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v2"},
    }


@pytest.mark.parametrize("analysis", [WEIGHTED, AB, STICKY])
def test_a_prefix_is_replaced_by_one_rule_for_each_match(analysis: Json) -> None:
    service: Json = {
        "match": [{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}],
        "rewrite": {"uri": "/", "type": "ReplacePrefixMatch"},
    }
    rollout = a_rollout("gatewayapi:v1", service, analysis)
    assert all(len(maps_at(rule, "matches")) == 1 for rule in rules(rollout, TEN))
    assert ROUTER.routes_of(rollout, written(ROUTER, rollout, TEN)) == TEN


@pytest.mark.parametrize("kind", ["ReplaceFullPath", "anything", None])
def test_any_other_rewrite_replaces_the_path(kind: str | None) -> None:
    service: Json = {"rewrite": {"uri": "/v2", **({"type": kind} if kind else {})}}
    [rule] = rules(a_rollout("gatewayapi:v1", service), TEN)
    assert at(filters(rule)["URLRewrite"], "urlRewrite", "path") == {
        "type": "ReplaceFullPath",
        "replaceFullPath": "/v2",
    }


def test_timeouts_and_cors_are_of_v1_only() -> None:
    service: Json = {
        "timeout": "1m30s",
        "backendTimeout": "500ms",
        "corsPolicy": {"allowOrigin": ["https://a.example.com"], "maxAge": "24h"},
    }
    rollout = a_rollout("gatewayapi:v1", service)
    [rule] = rules(rollout, TEN)
    assert rule["timeouts"] == {"request": "1m30s", "backendRequest": "500ms"}
    assert filters(rule)["CORS"]["cors"] == {
        "allowOrigins": ["https://a.example.com"],
        "maxAge": 86_400,
    }
    [older] = rules(rollout, TEN, OLDER)
    assert set(older) == {"matches", "backendRefs"}


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ({"exact": "https://a.example.com:8443"}, "https://a.example.com:8443"),
        ({"exact": "*"}, "*"),
        ({"regex": ".*"}, "*"),
        ({"regex": r"^https://.*\.example\.com$"}, "https://*.example.com"),
        ({"regex": r"http:\/\/shop\.example\.com"}, "http://shop.example.com"),
    ],
)
def test_origins_that_the_api_has_a_form_for(origin: Json, said: str) -> None:
    rollout = a_rollout("gatewayapi:v1", {"corsPolicy": {"allowOrigins": [origin]}})
    assert at(filters(rules(rollout, TEN)[0])["CORS"], "cors", "allowOrigins") == [said]


@pytest.mark.parametrize(
    "origin",
    [
        {"prefix": "https://a"},
        {"regex": "https://.*.example.com"},
        {"regex": r"https://(a|b)\.example\.com"},
        {"regex": r"https://a[0-9]\.example\.com"},
        {"exact": "shop.example.com"},
    ],
)
def test_other_origins_are_refused(origin: Json) -> None:
    rollout = a_rollout("gatewayapi:v1", {"corsPolicy": {"allowOrigins": [origin]}})
    with pytest.raises(RouteError, match="no form for the origin"):
        rules(rollout, TEN)


def test_matches_take_every_form_of_the_api() -> None:
    match: list[JsonValue] = [
        {
            "uri": {"regex": "/a/[0-9]+"},
            "method": {"exact": "GET"},
            "headers": {"X-A": {"regex": "b.*"}, "X-There": {}},
            "queryParams": {"q": {"exact": "1"}},
        }
    ]
    [rule] = rules(a_rollout("gatewayapi:v1", {"match": match}), TEN)
    assert rule["matches"] == [
        {
            "path": {"type": "RegularExpression", "value": "/a/[0-9]+"},
            "method": "GET",
            "headers": [
                {"type": "RegularExpression", "name": "X-A", "value": "b.*"},
                {"type": "RegularExpression", "name": "X-There", "value": ".*"},
            ],
            "queryParams": [{"type": "Exact", "name": "q", "value": "1"}],
        }
    ]


@pytest.mark.parametrize(
    "match",
    [
        {"headers": {"x": {"prefix": "a"}}},
        {"queryParams": {"x": {"suffix": "a"}}},
        {"method": {"regex": "G.*"}},
        {"uri": {"suffix": "a"}},
    ],
)
def test_other_forms_are_refused(match: Json) -> None:
    with pytest.raises(RouteError, match="HTTPRoute shop/shop"):
        rules(a_rollout("gatewayapi:v1", {"match": [match]}), TEN)


def test_a_test_asks_for_all_conditions_of_both() -> None:
    service: Json = {"match": [{"uri": {"prefix": "/a"}, "headers": {"x": {"exact": "y"}}}]}
    analysis: Json = {**BLUE_GREEN, "match": [{"queryParams": {"beta": {"exact": "1"}}}]}
    first, second = rules(a_rollout("gatewayapi:v1", service, analysis), TEN)
    path: Json = {"type": "PathPrefix", "value": "/a"}
    header: Json = {"type": "Exact", "name": "x", "value": "y"}
    param: Json = {"type": "Exact", "name": "beta", "value": "1"}
    assert first["matches"] == [{"path": path, "headers": [header], "queryParams": [param]}]
    assert second["matches"] == [{"path": path, "headers": [header]}]


@given(wanted=routes)
def test_users_outside_the_test_always_meet_the_primary(wanted: Routes) -> None:
    first, second = rules(a_rollout("gatewayapi:v1", analysis=AB), wanted)
    assert shares(first) == {"shop-primary": wanted.primary, "shop-canary": wanted.canary}
    assert shares(second) == {"shop-primary": 100}


# affinity


def cookie_of(rule: Json) -> str:
    headers = maps_at(maps_at(rule, "matches")[0], "headers")
    return next(text_at(each, "value") for each in headers if each["name"] == "Cookie")


def set_cookies(rule: Json) -> list[str]:
    return [
        text_at(added, "value")
        for side in maps_at(rule, "backendRefs")
        for each in maps_at(side, "filters")
        for added in maps_at(each, "responseHeaderModifier", "add")
    ]


@pytest.mark.parametrize("router", [ROUTER, OLDER])
def test_each_side_keeps_its_users(router: GatewayApiRouter) -> None:
    canary, primary, last = rules(a_rollout("gatewayapi:v1", analysis=STICKY), TEN, router)
    assert re.fullmatch(cookie_of(canary), "a=b; shop-side=w0rd")
    assert re.fullmatch(cookie_of(primary), "shop-stay=w0rd")
    assert shares(canary) == {"shop-canary": 100}
    assert shares(primary) == {"shop-primary": 100}
    assert [each.split(";")[0] for each in set_cookies(last)] == [
        "shop-stay=w0rd",
        "shop-side=w0rd",
    ]


def test_cookies_are_taken_back_beside_the_headers_of_the_service() -> None:
    service: Json = {"headers": {"response": {"add": {"x-served-by": "shop"}}}}
    gone, last = rules(a_rollout("gatewayapi:v1", service, STICKY), ALL_PRIMARY)
    assert [each.split(";")[1] for each in set_cookies(gone)] == [" Max-Age=-1"]
    assert set_cookies(last) == []
    added = [{"name": "x-served-by", "value": "shop"}]
    for rule in (gone, last):
        assert at(filters(rule)["ResponseHeaderModifier"], "responseHeaderModifier", "add") == added


def test_two_conditions_on_cookies_are_refused() -> None:
    match: list[JsonValue] = [{"headers": {"cookie": {"regex": ".*user.*"}}}]
    with pytest.raises(RouteError, match="asks for a cookie already"):
        rules(a_rollout("gatewayapi:v1", {"match": match}, STICKY), TEN)


@pytest.mark.parametrize("analysis", [BLUE_GREEN, WEIGHTED, STICKY])
def test_mirroring_reaches_all_that_the_primary_answers(analysis: Json) -> None:
    for rule in rules(
        a_rollout("gatewayapi:v1", analysis={**analysis, "mirrorWeight": 5}), MIRRORED
    ):
        mirror = map_at(filters(rule)["RequestMirror"], "requestMirror")
        assert (text_at(mirror, "backendRef", "name"), mirror["percent"]) == ("shop-canary", 5)


# what cannot be


def test_it_needs_a_parent_and_a_port() -> None:
    with pytest.raises(RouteError, match=r"set service\.gatewayRefs"):
        written(ROUTER, a_rollout("istio"), TEN)
    without = a_rollout("istio", {"gatewayRefs": [GATEWAY]})
    spec = without.canary.model_copy(
        update={"service": without.canary.service.model_copy(update={"port": None})}
    )
    portless = Rollout("shop", "shop", spec, {}, ("app", "shop"), "s1-1", "w")
    with pytest.raises(RouteError, match=r"service\.port"):
        written(ROUTER, portless, TEN)


# acceptance


def told(rollout: Rollout, *parents: Json, generation: int = 3) -> dict[Ref, Json]:
    live = written(ROUTER, rollout, TEN)
    route = the(live, "HTTPRoute")
    route["metadata"] = {**map_at(route, "metadata"), "generation": generation}
    route["status"] = {"parents": [*parents]}
    return live


def says(parent: Json, *, generation: int = 3, **statuses: str) -> Json:
    conditions: list[JsonValue] = [
        {"type": name, "status": status, "reason": f"{name}Why", "observedGeneration": generation}
        for name, status in statuses.items()
    ]
    return {"parentRef": parent, "controllerName": "example.com/it", "conditions": conditions}


TAKEN = says(GATEWAY, Accepted="True", ResolvedRefs="True")


@pytest.mark.parametrize(
    ("parents", "why"),
    [
        ([], "has not yet said"),
        ([says({"name": "public", "namespace": "shop"}, Accepted="True")], "has not yet said"),
        ([says(GATEWAY)], "has not yet said"),
        ([says(GATEWAY, Accepted="True", generation=2)], "has not yet looked at generation 3"),
        ([says(GATEWAY, Accepted="False")], "says Accepted=False: AcceptedWhy"),
        ([says(GATEWAY, Accepted="True", ResolvedRefs="False")], "says ResolvedRefs=False"),
        ([TAKEN, says(GATEWAY, Accepted="False")], "says Accepted=False"),
    ],
)
@pytest.mark.parametrize("router", [ROUTER, OLDER])
def test_it_waits_for_the_parent(router: GatewayApiRouter, parents: list[Json], why: str) -> None:
    rollout = a_rollout("gatewayapi:v1")
    live = {
        Ref(text, ref.kind, ref.name, ref.namespace): obj
        for ref, obj in told(rollout, *parents).items()
        for text in ("gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1")
    }
    assert why in (router.waiting(rollout, live) or "")


def test_it_waits_no_longer_when_all_parents_have_taken_it() -> None:
    linkerd: Json = {"group": "core", "kind": "Service", "name": "shop", "port": 80}
    rollout = a_rollout("gatewayapi:v1", {"gatewayRefs": [GATEWAY, linkerd]})
    assert "Service shop has not yet said" in (ROUTER.waiting(rollout, told(rollout, TAKEN)) or "")
    both = told(rollout, TAKEN, says({**linkerd, "namespace": "shop"}, Accepted="True"))
    assert ROUTER.waiting(rollout, both) is None


def test_a_refusal_by_a_parent_of_before_does_not_count() -> None:
    rollout = a_rollout("gatewayapi:v1")
    other = says({"name": "old", "namespace": "infra"}, Accepted="False")
    assert ROUTER.waiting(rollout, told(rollout, other, TAKEN)) is None


def test_it_waits_for_a_route_that_is_not_there() -> None:
    assert ROUTER.waiting(a_rollout("gatewayapi:v1"), {}) == "HTTPRoute shop/shop is not there"
