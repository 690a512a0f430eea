"""APISIX: an `ApisixRoute` with one rule of the user's, at a priority that shadows it.

The rule that leads to the apex Service is copied at every write, so that it follows the original.
"""

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, int_at, map_at, maps_at, text_at, texts_at
from activities.routing.apex_object import claimed, undone
from activities.routing.parts import (
    FLUX_OPT_OUT,
    JsonMap,
    copied,
    metadata,
    object_of,
    refuse_mirror,
    split,
)
from activities.routing.router import Live, Rollout, RouteError, Wanted
from workflows.model.plan import Routes

PRIORITY = 10_000
_API = "apisix.apache.org/v2"
_INHERITED = ("servicePort", "resolveGranularity", "subset")


class ApisixRouter:
    """By weight only."""

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        return _original(rollout), _copy(rollout)

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        refuse_mirror(rollout, routes, "apisix")
        source, ref = _template(rollout, live), _copy(rollout)
        spec = {name: value for name, value in map_at(source, "spec").items()
                if name not in ("http", "stream")}  # fmt: skip
        spec["http"] = [_rule(rollout, routes, source)]
        meta = metadata(
            ref,
            labels=copied(texts_at(source, "metadata", "labels")),
            annotations={**copied(texts_at(source, "metadata", "annotations")), **FLUX_OPT_OUT},
        )
        return claimed(rollout, object_of(ref, meta, spec), live.get(ref))

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        rules = maps_at(live.get(_copy(rollout), {}), "spec", "http")
        if len(rules) != 1 or rules[0].get("priority") != PRIORITY:
            return None
        weights = [(text_at(each, "serviceName"), int_at(each, "weight"))
                   for each in maps_at(rules[0], "backends")]  # fmt: skip
        return split(weights, rollout.primary, rollout.canary_service)

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        ref = _copy(rollout)
        if ref not in live:
            return f"{ref} does not exist"
        generation = int_at(live[ref], "metadata", "generation") or 0
        for condition in maps_at(live[ref], "status", "conditions"):
            if (int_at(condition, "observedGeneration") or generation) < generation:
                return f"{ref}: APISIX has not taken it yet"
            if text_at(condition, "status") == "False":
                return f"{ref}: {text_at(condition, 'message')}"
        return None

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        return undone(rollout, (_copy(rollout),), live)


def _original(rollout: Rollout) -> Ref:
    ref = rollout.canary.route_ref
    if ref is None:
        raise RouteError(f"Canary {rollout.namespace}/{rollout.name} needs a routeRef")
    return Ref(_API, "ApisixRoute", ref.name, rollout.namespace)


def _copy(rollout: Rollout) -> Ref:
    name = f"{_original(rollout).name}-{rollout.apex}-canary"
    return Ref(_API, "ApisixRoute", name, rollout.namespace)


def _template(rollout: Rollout, live: Live) -> KubeObject:
    """The original; our copy where the original is gone, so that traffic can be given back."""
    for ref in (_original(rollout), _copy(rollout)):
        if ref in live:
            return live[ref]
    raise RouteError(f"{_original(rollout)} does not exist; Canary {rollout.name} needs it")


def _rule(rollout: Rollout, routes: Routes, source: KubeObject) -> JsonMap:
    where = f"{_original(rollout)}"
    for rule in maps_at(source, "spec", "http"):
        given = maps_at(rule, "backends")
        names = {text_at(each, "serviceName") for each in given}
        if names == {rollout.primary, rollout.canary_service}:
            return {**rule, "priority": PRIORITY, "backends": _backends(rollout, routes, given[0])}
        if rollout.apex in names:
            if len(given) != 1:
                raise RouteError(f"{where}: the rule that leads to {rollout.apex} has "
                                 f"{len(given)} backends; it must have that one only")  # fmt: skip
            return {**rule, "priority": PRIORITY, "backends": _backends(rollout, routes, given[0])}
    raise RouteError(f"{where} has no http rule that leads to Service {rollout.apex}; add it")


def _backends(rollout: Rollout, routes: Routes, given: KubeObject) -> list[JsonValue]:
    inherited = {name: value for name, value in given.items() if name in _INHERITED}
    shares = ((rollout.primary, routes.primary), (rollout.canary_service, routes.canary))
    return [{**inherited, "serviceName": name, "weight": weight} for name, weight in shares]


APISIX = ApisixRouter()
