"""Contour's `HTTPProxy` without a virtual host: the user's root proxy includes it.

An A/B test has one route for each entry of `analysis.match`, before the one for all others.
"""

from pydantic import JsonValue

from activities.kube.objects import KubeObject, int_at, maps_at, text_at
from activities.routing.apex_object import ApexObjectRouter
from activities.routing.parts import JsonMap, agreeing, matches, port, split, uri_prefix
from activities.routing.router import Rollout, RouteError
from workflows.model.http_match import HttpMatch, TextMatch
from workflows.model.plan import ALL_PRIMARY, Routes
from workflows.model.quantity import format_duration

IDLE = "5m"


def contour(ingress_class: str = "") -> ApexObjectRouter:
    """The router of a Contour that watches this ingress class; empty is the default one."""

    def spec(rollout: Rollout, routes: Routes) -> JsonMap:
        given: JsonMap = {"ingressClassName": ingress_class} if ingress_class else {}
        return {**given, **_spec(rollout, routes)}

    return ApexObjectRouter("projectcontour.io/v1", "HTTPProxy", spec, _read, waits=_waits)


def _spec(rollout: Rollout, routes: Routes) -> JsonMap:
    matched: list[JsonValue] = [
        _route(rollout, routes, _conditions(match)) for match in matches(rollout)
    ]
    others = _route(rollout, ALL_PRIMARY if matched else routes, [])
    return {"routes": [*matched, others]}


def _route(rollout: Rollout, routes: Routes, conditions: list[JsonValue]) -> JsonMap:
    service = rollout.canary.service
    route: JsonMap = {
        "conditions": [{"prefix": uri_prefix(rollout)}, *conditions],
        "services": [
            _service(rollout, rollout.primary, routes.primary),
            _service(rollout, rollout.canary_service, routes.canary),
        ],
    }
    if service.timeout is not None:
        route["timeoutPolicy"] = {"response": format_duration(service.timeout), "idle": IDLE}
    if service.retries is not None:
        policy: JsonMap = {"count": service.retries.attempts or 0}
        if service.retries.per_try_timeout is not None:
            policy["perTryTimeout"] = format_duration(service.retries.per_try_timeout)
        route["retryPolicy"] = policy
    return route


def _service(rollout: Rollout, name: str, weight: int) -> JsonMap:
    """The header tells Linkerd, where it is meshed with Contour, which Service is meant."""
    where = f"{name}.{rollout.namespace}.svc.cluster.local:{port(rollout)}"
    header: JsonMap = {"name": "l5d-dst-override", "value": where}
    policy: JsonMap = {"set": [header]}
    return {
        "name": name, "port": port(rollout), "weight": weight, "requestHeadersPolicy": policy
    }  # fmt: skip


def _conditions(match: HttpMatch) -> list[JsonValue]:
    return [{"header": _header(name, text)} for name, text in match.headers.items()]


def _header(name: str, text: TextMatch) -> JsonMap:
    """Contour has no prefix or suffix of a header; `contains` is the nearest."""
    if text.regex is not None:
        raise RouteError(f"analysis.match, header {name}: Contour's routes match no regex; "
                         "use exact, prefix or suffix")  # fmt: skip
    if text.exact is not None:
        return {"name": name, "exact": text.exact}
    part = text.prefix if text.prefix is not None else text.suffix
    return {"name": name, "present": True} if part is None else {"name": name, "contains": part}


def _read(rollout: Rollout, live: KubeObject) -> Routes | None:
    each = [_split(rollout, route) for route in maps_at(live, "spec", "routes")]
    ab = len(matches(rollout))
    if len(each) != ab + 1 or (ab and each[-1] != ALL_PRIMARY):
        return None
    return agreeing(each[:ab] or each)


def _split(rollout: Rollout, route: KubeObject) -> Routes | None:
    services = maps_at(route, "services")
    weights = [(text_at(each, "name"), int_at(each, "weight")) for each in services]
    return split(weights, rollout.primary, rollout.canary_service)


def _waits(live: KubeObject) -> str | None:
    """Nobody is sent through an orphan, so there is nothing to wait for."""
    if text_at(live, "status", "currentStatus") == "orphaned":
        return None
    name = f"HTTPProxy {text_at(live, 'metadata', 'name')}"
    for condition in maps_at(live, "status", "conditions"):
        if text_at(condition, "type") == "Valid":
            if (int_at(condition, "observedGeneration") or 0) < _generation(live):
                break
            invalid = text_at(condition, "status") != "True"
            return f"{name}: {text_at(live, 'status', 'description')}" if invalid else None
    return f"{name}: Contour has not taken it yet"


def _generation(live: KubeObject) -> int:
    return int_at(live, "metadata", "generation") or 0


CONTOUR = contour()
