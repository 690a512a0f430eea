import copy
import json
import re

import pytest
from hypothesis import given
from pydantic import JsonValue

from activities.kube.objects import at, map_at, maps_at, ref_of, text_at, texts_at
from activities.routing.istio import IstioRouter
from activities.routing.removals import applied
from activities.routing.router import Rollout, RouteError
from tests.unit.routing.a_rollout import (
    AB,
    AFFINITY,
    BLUE_GREEN,
    WEIGHTED,
    Json,
    a_rollout,
    routes,
    the,
    written,
)
from workflows.model.plan import ALL_PRIMARY, Routes

ROUTER = IstioRouter()
TEN = Routes(primary=90, canary=10)
MIRRORED = Routes(primary=100, canary=0, mirrored=True)
STICKY: Json = {**WEIGHTED, "sessionAffinity": AFFINITY}
SHAPES = (
    a_rollout("istio"),
    a_rollout("istio", {"appProtocol": "TCP", "match": [{"port": 80}]}),
    a_rollout("istio", {"match": [{"uri": {"prefix": "/"}}], "timeout": "5s"}, AB),
    a_rollout("istio", {"headers": {"response": {"add": {"a": "b"}}}}, STICKY),
)


def rules(rollout: Rollout, wanted: Routes, protocol: str = "http") -> list[Json]:
    service = the(written(ROUTER, rollout, wanted), "VirtualService")
    return list(maps_at(service, "spec", protocol))


def shares(rule: Json) -> dict[str, JsonValue]:
    return {text_at(side, "destination", "host"): side["weight"] for side in maps_at(rule, "route")}


@pytest.mark.parametrize("rollout", SHAPES)
@given(wanted=routes)
def test_what_is_written_reads_back_as_the_same_routes(rollout: Rollout, wanted: Routes) -> None:
    assert ROUTER.routes_of(rollout, written(ROUTER, rollout, wanted)) == wanted


@pytest.mark.parametrize("analysis", [WEIGHTED, BLUE_GREEN, {**WEIGHTED, "mirrorWeight": 20}])
def test_mirrored_routes_read_back(analysis: Json) -> None:
    rollout = a_rollout("istio", analysis=analysis)
    assert ROUTER.routes_of(rollout, written(ROUTER, rollout, MIRRORED)) == MIRRORED


@given(wanted=routes)
def test_a_rule_of_somebody_else_is_no_route_of_ours(wanted: Routes) -> None:
    rollout = a_rollout("istio")
    live = copy.deepcopy(written(ROUTER, rollout, wanted))
    rule = maps_at(the(live, "VirtualService"), "spec", "http")[0]
    rule["fault"] = {"abort": {"httpStatus": 500}}
    assert ROUTER.routes_of(rollout, live) is None


def test_objects_are_flaggers_by_name_host_and_policy() -> None:
    policy: Json = {
        "tls": {"mode": "ISTIO_MUTUAL"},
        "connectionPool": {"tcp": {"maxConnections": 9}},
    }
    rollout = a_rollout("istio", {"trafficPolicy": policy, "hosts": ["shop.example.com"]})
    objects = written(ROUTER, rollout, TEN)
    for side in ("shop-primary", "shop-canary"):
        spec = the(objects, "DestinationRule", side)["spec"]
        assert spec == {"host": side, "trafficPolicy": policy}
    service = the(objects, "VirtualService")
    assert at(service, "spec", "hosts") == ["shop.example.com", "shop"]
    assert at(service, "spec", "gateways") == ["mesh"]
    assert (
        texts_at(service, "metadata", "annotations")["kustomize.toolkit.fluxcd.io/reconcile"]
        == "disabled"
    )


@pytest.mark.parametrize("hosts", [["*"], ["shop"]])
def test_the_apex_is_not_named_twice(hosts: list[JsonValue]) -> None:
    objects = written(ROUTER, a_rollout("istio", {"hosts": hosts}), TEN)
    assert at(the(objects, "VirtualService"), "spec", "hosts") == hosts


def test_a_delegate_has_neither_hosts_nor_gateways() -> None:
    service = the(written(ROUTER, a_rollout("istio", {"delegation": True}), TEN), "VirtualService")
    assert set(map_at(service, "spec")) == {"http"}


@pytest.mark.parametrize(
    ("service", "named"),
    [
        ({"portDiscovery": True, "gateways": ["infra/public"]}, True),
        ({"portDiscovery": True, "delegation": True}, True),
        ({"portDiscovery": True, "gateways": ["mesh", "infra/public"]}, False),
        ({"gateways": ["infra/public"]}, False),
    ],
)
def test_the_port_is_named_where_a_gateway_must_choose(service: Json, named: bool) -> None:
    [rule] = rules(a_rollout("istio", service), TEN)
    expected = {"number": 80} if named else None
    assert [at(side, "destination", "port") for side in maps_at(rule, "route")] == [expected] * 2


def test_every_rule_has_what_the_service_asks_for() -> None:
    service: Json = {
        "rewrite": {"uri": "/", "authority": "x", "type": "ReplacePrefixMatch"},
        "timeout": "1m30s",
        "retries": {"attempts": 3, "perTryTimeout": "1s"},
        "corsPolicy": {"allowOrigins": [{"regex": ".*"}], "maxAge": "24h"},
        "headers": {"request": {"set": {"a": "b"}}},
    }
    for rule in rules(a_rollout("istio", service, STICKY), TEN):
        assert rule["rewrite"] == {"uri": "/", "authority": "x"}
        assert (rule["timeout"], rule["retries"]) == (
            "1m30s",
            {"attempts": 3, "perTryTimeout": "1s"},
        )
        assert rule["corsPolicy"] == {"allowOrigins": [{"regex": ".*"}], "maxAge": "24h"}
        assert rule["headers"] == {"request": {"set": {"a": "b"}}}


def test_a_test_keeps_query_params_and_the_conditions_of_the_service() -> None:
    analysis: Json = {
        **BLUE_GREEN,
        "match": [{"queryParams": {"beta": {"exact": "1"}}}, {"sourceLabels": {"app": "web"}}],
    }
    match: list[JsonValue] = [{"uri": {"prefix": "/a"}, "headers": {"x": {"exact": "y"}}}]
    first, second = rules(
        a_rollout("istio", {"match": match}, analysis), Routes(primary=0, canary=100)
    )
    assert first["match"] == [
        {
            "uri": {"prefix": "/a"},
            "headers": {"x": {"exact": "y"}},
            "queryParams": {"beta": {"exact": "1"}},
        },
        {"uri": {"prefix": "/a"}, "headers": {"x": {"exact": "y"}}, "sourceLabels": {"app": "web"}},
    ]
    assert second["match"] == match


@given(wanted=routes)
def test_users_outside_the_test_always_meet_the_primary(wanted: Routes) -> None:
    first, second = rules(a_rollout("istio", analysis=AB), wanted)
    assert shares(first) == {"shop-primary": wanted.primary, "shop-canary": wanted.canary}
    assert shares(second) == {"shop-primary": 100}
    assert "match" not in second


def test_tcp_has_one_rule_by_port() -> None:
    match: list[JsonValue] = [{"port": 5432, "uri": {"prefix": "/"}}]
    service: Json = {"appProtocol": "tcp", "match": match}
    [rule] = rules(a_rollout("istio", service), TEN, "tcp")
    assert rule["match"] == [{"port": 5432}]
    assert shares(rule) == {"shop-primary": 90, "shop-canary": 10}


def test_tcp_lets_everyone_in_where_one_condition_says_nothing_of_connections() -> None:
    match: list[JsonValue] = [{"port": 5432}, {"uri": {"prefix": "/"}}]
    [rule] = rules(a_rollout("istio", {"appProtocol": "tcp", "match": match}), TEN, "tcp")
    assert "match" not in rule


def test_tcp_cannot_be_mirrored() -> None:
    with pytest.raises(RouteError, match="TCP has no mirroring"):
        rules(a_rollout("istio", {"appProtocol": "tcp"}), MIRRORED, "tcp")


# affinity


@pytest.mark.parametrize("wanted", [TEN, Routes(primary=0, canary=100), ALL_PRIMARY])
def test_cookies_come_before_weights(wanted: Routes) -> None:
    *before, last = rules(a_rollout("istio", analysis=STICKY), wanted)
    assert before
    assert all("match" in rule for rule in before)
    assert "match" not in last
    assert shares(last) == {"shop-primary": wanted.primary, "shop-canary": wanted.canary}


def cookie_rule(rule: Json) -> str:
    return text_at(maps_at(rule, "match")[0], "headers", "Cookie", "regex")


@pytest.mark.parametrize(
    ("cookies", "kept"),
    [
        ("shop-side=w0rd", True),
        ("a=b; shop-side=w0rd; c=d", True),
        ("shop-side=another", False),
        ("other-shop-side=w0rd", False),
        ("shop-side=old; note=w0rd", False),
    ],
)
def test_who_met_the_canary_of_this_revision_stays(cookies: str, kept: bool) -> None:
    canary, primary, _ = rules(a_rollout("istio", analysis=STICKY), TEN)
    assert bool(re.fullmatch(cookie_rule(canary), cookies)) is kept
    assert shares(canary) == {"shop-primary": 0, "shop-canary": 100}
    assert shares(primary) == {"shop-primary": 100, "shop-canary": 0}


def answers(rule: Json) -> list[str]:
    return [
        text_at(side, "headers", "response", "add", "Set-Cookie") for side in maps_at(rule, "route")
    ]


def test_each_side_hands_out_its_cookie() -> None:
    *_, last = rules(a_rollout("istio", analysis=STICKY), TEN)
    assert answers(last) == [
        "shop-stay=w0rd; Max-Age=60; Domain=shop.example.com; HttpOnly; Path=/cart",
        "shop-side=w0rd; Max-Age=3600; Domain=shop.example.com; HttpOnly; Path=/cart",
    ]


@pytest.mark.parametrize("cookies", ["shop-side=w0rd", "x=1; shop-side=of-an-earlier-rollout"])
def test_a_cookie_is_taken_back_with_the_attributes_it_was_given_with(cookies: str) -> None:
    gone, last = rules(a_rollout("istio", analysis=STICKY), ALL_PRIMARY)
    assert re.fullmatch(cookie_rule(gone), cookies)
    assert answers(gone)[0].endswith("Max-Age=-1; Domain=shop.example.com; HttpOnly; Path=/cart")
    assert shares(gone)["shop-primary"] == 100
    assert answers(last) == ["", ""]


def test_nobody_is_kept_on_a_primary_that_gets_no_traffic() -> None:
    *before, last = rules(a_rollout("istio", analysis=STICKY), Routes(primary=0, canary=100))
    assert [shares(rule)["shop-canary"] for rule in before] == [100]
    assert answers(last)[0] == ""


def test_mirroring_reaches_all_that_the_primary_answers() -> None:
    analysis: Json = {**STICKY, "mirrorWeight": 30}
    gone, last = rules(a_rollout("istio", analysis=analysis), MIRRORED)
    for rule in (gone, last):
        assert rule["mirror"] == {"host": "shop-canary"}
        assert rule["mirrorPercentage"] == {"value": 30}
    sticky, primary, by_weight = rules(
        a_rollout("istio", analysis=analysis), Routes(primary=50, canary=50, mirrored=True)
    )
    assert "mirror" not in sticky
    assert "mirror" in primary
    assert "mirror" in by_weight


def test_a_test_needs_no_cookies() -> None:
    wanted = Routes(primary=0, canary=100)
    assert len(rules(a_rollout("istio", analysis={**AB, "sessionAffinity": AFFINITY}), wanted)) == 2


def test_a_condition_on_the_cookie_is_kept_beside_affinitys() -> None:
    match: list[JsonValue] = [{"headers": {"Cookie": {"regex": ".*user=.*"}}}]
    sticky, *_ = rules(a_rollout("istio", {"match": match}, STICKY), TEN)
    headers = map_at(maps_at(sticky, "match")[0], "headers")
    assert headers["Cookie"] == {"regex": ".*user=.*"}
    assert "w0rd" in text_at(headers, "cookie", "regex")


# what was there before


def a_virtual_service(**annotations: str) -> Json:
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {"name": "shop", "namespace": "shop", "annotations": {**annotations}},
        "spec": {"hosts": ["shop"], "http": [{"route": [{"destination": {"host": "shop"}}]}]},
    }


def test_a_route_that_was_there_is_put_back_as_it_was() -> None:
    rollout, user = a_rollout("istio"), a_virtual_service()
    live = written(ROUTER, rollout, TEN, user)
    undone = ROUTER.undone(rollout, live)
    [back] = undone.objects
    assert map_at(applied(back), "spec") == user["spec"]
    assert {ref.kind for ref in undone.absent} <= {"DestinationRule"}


def test_what_was_there_is_remembered_once() -> None:
    rollout, user = a_rollout("istio"), a_virtual_service()
    first = written(ROUTER, rollout, TEN, user)
    second = written(ROUTER, rollout, ALL_PRIMARY, the(first, "VirtualService"))
    [back] = ROUTER.undone(rollout, second).objects
    assert map_at(applied(back), "spec") == user["spec"]


def test_flaggers_own_note_is_what_is_put_back() -> None:
    rollout = a_rollout("istio")
    original: Json = {"hosts": ["shop.example.com"]}
    note = {"flagger.kubernetes.io/original-configuration": json.dumps(original)}
    live = written(ROUTER, rollout, TEN, a_virtual_service(**note))
    [back] = ROUTER.undone(rollout, live).objects
    assert map_at(applied(back), "spec") == original


def test_what_the_user_applied_counts_where_flagger_has_written_since() -> None:
    rollout, original = a_rollout("istio"), a_virtual_service()
    note = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(original)}
    live = a_virtual_service(**note)
    live["metadata"] = {**map_at(live, "metadata"), "managedFields": [{"manager": "flagger"}]}
    live["spec"] = {"hosts": ["shop"], "http": []}
    [back] = ROUTER.undone(rollout, written(ROUTER, rollout, TEN, live)).objects
    assert map_at(applied(back), "spec") == original["spec"]


def test_it_waits_for_a_route_that_is_not_there() -> None:
    rollout = a_rollout("istio")
    assert ROUTER.waiting(rollout, {}) == "VirtualService shop/shop is not there"
    assert ROUTER.waiting(rollout, written(ROUTER, rollout, TEN)) is None


def test_it_reads_all_that_it_writes() -> None:
    rollout = a_rollout("istio")
    made = ROUTER.wanted(rollout, TEN, {}).objects
    assert {ref_of(obj) for obj in made} == set(ROUTER.reads(rollout))
