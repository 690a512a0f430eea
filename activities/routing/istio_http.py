"""The HTTP rules of a VirtualService: by weight, by match (A/B), by cookie. Pure.

Used by `activities.routing.istio`.
"""

from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from activities.routing.affinity import COOKIE, SET_COOKIE, Sticky, cookies, sticky
from activities.routing.parts import TOTAL, matches
from activities.routing.router import Rollout
from workflows.model.http_match import HttpMatch
from workflows.model.plan import Routes

Json = dict[str, JsonValue]
MESH = "mesh"


def http_rules(rollout: Rollout, routes: Routes) -> list[JsonValue]:
    """What `spec.http` says for these routes, first match first."""
    rules = list(_ab(rollout, routes) if matches(rollout) else _weighted(rollout, routes))
    mirrored = [_mirrored(rollout, rule) for rule in rules] if routes.mirrored else rules
    return [*mirrored]


def destination(rollout: Rollout, host: str) -> Json:
    """A Service; its port only where a gateway must choose between many."""
    service = rollout.canary.service
    behind_gateway = service.delegation or bool(service.gateways and service.gateways[0] != MESH)
    if service.port_discovery and behind_gateway and service.port:
        return {"host": host, "port": {"number": service.port}}
    return {"host": host}


def weighted_destinations(
    rollout: Rollout, routes: Routes, *, primary: str | None = None, canary: str | None = None
) -> list[JsonValue]:
    """Both sides; `primary` and `canary` are cookies that they answer with."""
    return [
        _side(rollout, rollout.primary, routes.primary, primary),
        _side(rollout, rollout.canary_service, routes.canary, canary),
    ]


def _weighted(rollout: Rollout, routes: Routes) -> Iterator[Json]:
    for rule in sticky(rollout, routes):
        yield _rule(rollout, _with_cookie(rollout, rule), _sticky_route(rollout, rule))
    answers = cookies(rollout, routes)
    sides = weighted_destinations(rollout, routes, primary=answers.primary, canary=answers.canary)
    yield _rule(rollout, _service_matches(rollout), sides)


def _ab(rollout: Rollout, routes: Routes) -> Iterator[Json]:
    yield _rule(rollout, _products(rollout), weighted_destinations(rollout, routes))
    primary = _side(rollout, rollout.primary, TOTAL, None)
    yield _rule(rollout, _service_matches(rollout), [primary])


def _rule(rollout: Rollout, when: Sequence[Json], route: Sequence[JsonValue]) -> Json:
    """Each rule gets its own copy of what all rules of the service have."""
    return {**({"match": [*when]} if when else {}), **_shared(rollout), "route": [*route]}


def _shared(rollout: Rollout) -> Json:
    service = rollout.canary.service
    written = service.model_dump(
        mode="json",
        by_alias=True,
        exclude_defaults=True,
        include={"rewrite", "timeout", "retries", "cors_policy", "headers"},
    )
    rewrite = written.get("rewrite")
    if isinstance(rewrite, dict):
        rewrite.pop("type", None)
    return {name: value for name, value in written.items() if value}


def _side(rollout: Rollout, host: str, weight: int, cookie: str | None) -> Json:
    side: Json = {"destination": destination(rollout, host), "weight": weight}
    if cookie is not None:
        side["headers"] = {"response": {"add": {SET_COOKIE: cookie}}}
    return side


def _sticky_route(rollout: Rollout, rule: Sticky) -> list[JsonValue]:
    sides = Routes(primary=0, canary=TOTAL) if rule.canary else Routes(primary=TOTAL, canary=0)
    return weighted_destinations(rollout, sides, primary=rule.answer)


def _mirrored(rollout: Rollout, rule: Json) -> Json:
    """Requests that the primary answers; one that the canary answers needs no copy."""
    if not _answered_by(rule, rollout.primary):
        return rule
    mirror: Json = {**rule, "mirror": destination(rollout, rollout.canary_service)}
    if weight := rollout.canary.analysis.mirror_weight:
        mirror["mirrorPercentage"] = {"value": weight}
    return mirror


def _answered_by(rule: Json, host: str) -> bool:
    route = rule["route"]
    sides = [side for side in route if isinstance(side, dict)] if isinstance(route, list) else []
    return any(
        isinstance(to := side["destination"], dict) and to["host"] == host and side["weight"] != 0
        for side in sides
    )


def _service_matches(rollout: Rollout) -> list[Json]:
    return [_plain(match) for match in rollout.canary.service.match]


def _products(rollout: Rollout) -> list[Json]:
    """Requests that meet a condition of the test and one of the service, all of both."""
    tests = [_plain(match) for match in matches(rollout)]
    service = _service_matches(rollout)
    if not service:
        return tests
    return [_both(each, test) for test in tests for each in service]


def _both(service: Json, test: Json) -> Json:
    """Every condition of both; the test's counts where both ask for the same header."""
    joined = dict(service)
    for name, condition in test.items():
        found = joined.get(name)
        if isinstance(found, dict) and isinstance(condition, dict):
            joined[name] = {**found, **condition}
        else:
            joined[name] = condition
    return joined


def _with_cookie(rollout: Rollout, rule: Sticky) -> list[Json]:
    return [_holding(match, rule) for match in _service_matches(rollout) or [{}]]


def _holding(match: Json, rule: Sticky) -> Json:
    headers = match.get("headers")
    asked: Json = headers if isinstance(headers, dict) else {}
    # Header names are one to Envoy in any spelling, and conditions on the same one all hold.
    name = COOKIE.lower() if COOKIE in asked else COOKIE
    return {**match, "headers": {**asked, name: {"regex": rule.cookies}}}


def _plain(match: HttpMatch) -> Json:
    return match.model_dump(mode="json", by_alias=True, exclude_defaults=True)
