"""App Mesh in both API versions."""

import pytest
from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, map_at, maps_at, texts_at
from activities.routing.registry import ROUTERS
from tests.unit.routing.scenes import a_rollout, ab, annotated, routes, standing
from workflows.model.provider import Provider

OLD, NEW = "appmesh", "appmesh:v1beta2"
SERVICE: dict[str, JsonValue] = {
    "hosts": ["a.example.com", "b.example.com"],
    "timeout": "15s",
    "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "gateway-error,stream-error"},
    "backends": ["db.shop", "arn:aws:appmesh:x"],
}


def made(provider: str, share: int = 30, analysis: JsonValue | None = None,
         accesslog: bool = False) -> dict[Ref, KubeObject]:  # fmt: skip
    more = {} if analysis is None else {"analysis": analysis}
    rollout = a_rollout(provider, service=SERVICE, **more)  # type: ignore[arg-type]
    if accesslog:
        rollout = annotated(rollout, **{"appmesh.flagger.app__accesslog": "enabled"})
    return standing(ROUTERS[Provider(provider)].wanted(rollout, routes(share), {}))


def the(found: dict[Ref, KubeObject], kind: str, name: str) -> KubeObject:
    return next(each for ref, each in found.items() if (ref.kind, ref.name) == (kind, name))


def test_the_gateway_is_told_the_hosts_without_a_comma_at_the_end() -> None:
    for provider, name in ((OLD, "web.shop"), (NEW, "web")):
        texts = texts_at(the(made(provider), "VirtualService", name), "metadata", "annotations")
        assert texts["gateway.appmesh.k8s.aws/expose"] == "true"
        assert texts["gateway.appmesh.k8s.aws/domain"] == "a.example.com,b.example.com"
        assert texts["gateway.appmesh.k8s.aws/timeout"] == "15s"
        assert texts["gateway.appmesh.k8s.aws/retries"] == "3"
    canary = the(made(NEW), "VirtualService", "web-canary")
    assert not [name for name in texts_at(canary, "metadata", "annotations") if "gateway" in name]


def test_v1beta1_has_its_rules_in_the_virtual_service() -> None:
    found = made(OLD)

    spec = map_at(the(found, "VirtualService", "web.shop"), "spec")
    assert spec["meshName"] == "global"
    assert spec["virtualRouter"] == {
        "name": "web", "listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]
    }  # fmt: skip
    assert spec["routes"] == [{"name": "web", "http": {
        "match": {"prefix": "/"},
        "retryPolicy": {"perRetryTimeoutMillis": 1000, "maxRetries": 3,
                        "httpRetryPolicyEvents": ["gateway-error", "stream-error"]},
        "action": {"weightedTargets": [
            {"virtualNodeName": "web-canary", "weight": 30},
            {"virtualNodeName": "web-primary", "weight": 70},
        ]},
    }}]  # fmt: skip
    hosts = {name: map_at(the(found, "VirtualNode", name), "spec", "serviceDiscovery", "dns")
             for name in ("web", "web-primary", "web-canary")}  # fmt: skip
    assert {name: dns["hostName"] for name, dns in hosts.items()} == {
        "web": "web-primary.shop", "web-primary": "web-primary.shop",
        "web-canary": "web-canary.shop",
    }  # fmt: skip


def test_v1beta2_has_its_rules_in_the_virtual_router() -> None:
    found = made(NEW)

    [rule] = maps_at(the(found, "VirtualRouter", "web"), "spec", "routes")
    http = map_at(rule, "httpRoute")
    assert http["timeout"] == {"perRequest": {"unit": "ms", "value": 15_000}}
    assert map_at(http, "retryPolicy")["perRetryTimeout"] == {"unit": "ms", "value": 1000}
    assert map_at(http, "action")["weightedTargets"] == [
        {"virtualNodeRef": {"name": "web-canary"}, "weight": 30},
        {"virtualNodeRef": {"name": "web-primary"}, "weight": 70},
    ]
    node = map_at(the(found, "VirtualNode", "web-primary"), "spec")
    assert node["podSelector"] == {"matchLabels": {"app": "app-primary"}}
    assert map_at(node, "serviceDiscovery", "dns") == {
        "hostname": "web-primary.shop.svc.cluster.local."
    }
    assert maps_at(node, "listeners")[0]["portMapping"] == {"port": 8080, "protocol": "http"}
    assert node["backends"] == [
        {"virtualService": {"virtualServiceRef": {"name": "db.shop"}}},
        {"virtualService": {"virtualServiceARN": "arn:aws:appmesh:x"}},
    ]
    service = map_at(the(found, "VirtualService", "web"), "spec", "provider", "virtualRouter")
    assert service == {"virtualRouterRef": {"name": "web"}}


@pytest.mark.parametrize(("provider", "kind", "name", "http"), [
    (OLD, "VirtualService", "web.shop", "http"), (NEW, "VirtualRouter", "web", "httpRoute"),
])  # fmt: skip
def test_an_ab_test_has_a_rule_a_condition_and_one_for_all_others(
    provider: str, kind: str, name: str, http: str
) -> None:
    first: JsonValue = {"headers": {"x-a": {"exact": "1"}, "x-b": {}}}
    second: JsonValue = {"headers": {"x-c": {"regex": "2.*"}}}

    rules = maps_at(the(made(provider, 100, ab(first, second)), kind, name), "spec", "routes")

    assert [(each["name"], each["priority"]) for each in rules] == [
        ("web-a", 10), ("web-a2", 11), ("web-b", 20),
    ]  # fmt: skip
    assert [map_at(each, http, "match").get("headers") for each in rules] == [
        [{"name": "x-a", "match": {"exact": "1"}}, {"name": "x-b"}],
        [{"name": "x-c", "match": {"regex": "2.*"}}],
        None,
    ]


@pytest.mark.parametrize("provider", [OLD, NEW])
def test_tests_reach_the_canary_whatever_the_weights(provider: str) -> None:
    found = made(provider, 0)
    name = "web-canary.shop" if provider == OLD else "web-canary"
    kind = "VirtualService" if provider == OLD else "VirtualRouter"

    assert "'weight': 100}, {" in str(the(found, kind, name)["spec"])


@pytest.mark.parametrize("provider", [OLD, NEW])
def test_an_access_log_is_written_where_the_canary_asks_for_it(provider: str) -> None:
    with_log = the(made(provider, accesslog=True), "VirtualNode", "web-primary")

    assert map_at(with_log, "spec", "logging", "accessLog", "file") == {"path": "/dev/stdout"}
    assert "logging" not in map_at(the(made(provider), "VirtualNode", "web-primary"), "spec")
