"""HTTPProxy: conditions, services and what Contour says of it."""

import pytest
from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, map_at, maps_at
from activities.routing.contour import CONTOUR, contour
from activities.routing.router import RouteError
from tests.unit.routing.scenes import a_rollout, ab, changed, routes, standing

REF = Ref("projectcontour.io/v1", "HTTPProxy", "web", "shop")


def proxy(analysis: JsonValue | None = None, share: int = 30, **service: JsonValue) -> KubeObject:
    given = {} if analysis is None else {"analysis": analysis}
    rollout = a_rollout("contour", service=service, **given)  # type: ignore[arg-type]
    return standing(CONTOUR.wanted(rollout, routes(share), {}))[REF]


def said(valid: str, generation: int) -> dict[str, JsonValue]:
    condition: JsonValue = {"type": "Valid", "status": valid, "observedGeneration": generation}
    return {"conditions": [condition]}


def test_one_route_leads_to_both_services_as_linkerd_would_name_them() -> None:
    [route] = maps_at(proxy(match=[{"uri": {"prefix": "/api"}}]), "spec", "routes")

    assert route["conditions"] == [{"prefix": "/api"}]
    assert route["services"] == [
        {"name": name, "port": 80, "weight": weight, "requestHeadersPolicy": {"set": [
            {"name": "l5d-dst-override", "value": f"{name}.shop.svc.cluster.local:80"}]}}
        for name, weight in (("web-primary", 70), ("web-canary", 30))
    ]  # fmt: skip


def test_timeouts_and_retries_are_those_of_the_service() -> None:
    retries: JsonValue = {"attempts": 3, "perTryTimeout": "5s"}
    [route] = maps_at(proxy(timeout="15s", retries=retries), "spec", "routes")

    assert route["timeoutPolicy"] == {"response": "15s", "idle": "5m"}
    assert route["retryPolicy"] == {"count": 3, "perTryTimeout": "5s"}


def test_each_entry_of_a_match_is_a_route_and_all_its_headers_are_needed() -> None:
    both: JsonValue = {"headers": {"x-a": {"exact": "1"}, "x-b": {"prefix": "2"}}}
    other: JsonValue = {"headers": {"x-c": {"suffix": "3"}, "x-d": {}}}

    found = maps_at(proxy(ab(both, other), 100), "spec", "routes")

    assert [each["conditions"] for each in found] == [
        [{"prefix": "/"}, {"header": {"name": "x-a", "exact": "1"}},
         {"header": {"name": "x-b", "contains": "2"}}],
        [{"prefix": "/"}, {"header": {"name": "x-c", "contains": "3"}},
         {"header": {"name": "x-d", "present": True}}],
        [{"prefix": "/"}],
    ]  # fmt: skip
    weights = [[service["weight"] for service in maps_at(each, "services")] for each in found]
    assert weights == [[0, 100], [0, 100], [100, 0]]


def test_a_regex_is_refused() -> None:
    rollout = a_rollout("contour", analysis=ab())
    [match] = rollout.canary.analysis.match
    regex = match.headers["x-canary"].model_copy(update={"exact": None, "regex": "a.*"})
    match.headers["x-canary"] = regex

    with pytest.raises(RouteError, match="regex"):
        CONTOUR.wanted(rollout, routes(100), {})


def test_a_contour_of_another_class_is_named() -> None:
    rollout = a_rollout("contour")
    made = standing(contour("inner").wanted(rollout, routes(0), {}))[REF]

    assert map_at(made, "spec")["ingressClassName"] == "inner"
    assert "ingressClassName" not in map_at(proxy(), "spec")


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({}, "not taken"),
        (said("True", 1), "not taken"),
        ({**said("False", 2), "description": "no such service"}, "no such service"),
        (said("True", 2), None),
        ({"currentStatus": "orphaned"}, None),
    ],
)  # fmt: skip
def test_contour_has_taken_it_when_it_says_so(status: JsonValue, why: str | None) -> None:
    rollout = a_rollout("contour")
    live = changed(changed(proxy(), "metadata", "generation", to=2), "status", to=status)

    found = CONTOUR.waiting(rollout, {REF: live})

    assert (found is None) if why is None else (why in (found or ""))
    assert CONTOUR.waiting(rollout, {}) is not None
