"""Istio: a VirtualService for the apex and a DestinationRule for each side. Pure.

In `activities.routing.registry`; objects and fields are Flagger's, see `istio_http`, `istio_tcp`.
"""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from activities.kube.objects import Ref, int_at, list_at, maps_at, ref_of, text_at
from activities.routing.apex_object import undone
from activities.routing.istio_http import MESH, http_rules
from activities.routing.istio_tcp import tcp_rules
from activities.routing.parts import JsonMap, apex_texts, matches, metadata, object_of, split
from activities.routing.router import Live, Rollout, RouteError, Wanted
from activities.routing.take_over import taken_over
from workflows.model.plan import ALL_PRIMARY, Routes

API = "networking.istio.io/v1beta1"
EVERY_HOST = "*"


class IstioRouter:
    """HTTP by weight, A/B, blue/green, mirroring and affinity; TCP by weight; delegation."""

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        return (*(_ref(rollout, "DestinationRule", side) for side in _sides(rollout)),
                _route_ref(rollout))  # fmt: skip

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        """The rules of both sides come first, so that no request meets a route without one."""
        made = [*(_destination_rule(rollout, side) for side in _sides(rollout)),
                _virtual_service(rollout, routes)]  # fmt: skip
        return Wanted(tuple(taken_over(rollout, each, live.get(ref_of(each))) for each in made))

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        """The routes of the VirtualService, if its rules are just those that Serinus writes."""
        found = live.get(_route_ref(rollout))
        if found is None:
            return None
        protocol, _ = _rules(rollout, ALL_PRIMARY)
        seen = _seen(rollout, maps_at(found, "spec", protocol))
        if seen is None or [*list_at(found, "spec", protocol)] != _rules(rollout, seen)[1]:
            return None
        return seen

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        """Istio does not say when its proxies have taken a route."""
        where = _route_ref(rollout)
        return None if where in live else f"{where} is not there"

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        return undone(rollout, self.reads(rollout), live)


def _sides(rollout: Rollout) -> tuple[str, str]:
    return rollout.primary, rollout.canary_service


def _ref(rollout: Rollout, kind: str, name: str) -> Ref:
    return Ref(API, kind, name, rollout.namespace)


def _route_ref(rollout: Rollout) -> Ref:
    return _ref(rollout, "VirtualService", rollout.apex)


def _destination_rule(rollout: Rollout, side: str) -> JsonMap:
    spec: dict[str, JsonValue] = {"host": side}
    if rollout.canary.service.traffic_policy:
        spec["trafficPolicy"] = rollout.canary.service.traffic_policy
    ref = _ref(rollout, "DestinationRule", side)
    return object_of(ref, metadata(ref), spec)


def _virtual_service(rollout: Rollout, routes: Routes) -> JsonMap:
    protocol, rules = _rules(rollout, routes)
    spec: dict[str, JsonValue] = {**_attachment(rollout), protocol: rules}
    labels, annotations = apex_texts(rollout)
    ref = _route_ref(rollout)
    return object_of(ref, metadata(ref, labels=labels, annotations=annotations), spec)


def _rules(rollout: Rollout, routes: Routes) -> tuple[str, list[JsonValue]]:
    if rollout.canary.service.is_tcp:
        return "tcp", tcp_rules(rollout, routes)
    return "http", http_rules(rollout, routes)


def _attachment(rollout: Rollout) -> dict[str, JsonValue]:
    """Hosts and gateways; a delegate has neither, its parent has them."""
    service = rollout.canary.service
    if service.delegation:
        if service.hosts or service.gateways:
            raise RouteError(
                f"VirtualService {rollout.namespace}/{rollout.apex}: with service.delegation the "
                "parent has the hosts and gateways; leave out service.hosts and service.gateways"
            )
        return {}
    hosts = [*service.hosts]
    if rollout.apex not in hosts and EVERY_HOST not in hosts:
        hosts.append(rollout.apex)
    return {"hosts": [*hosts], "gateways": [*(service.gateways or (MESH,))]}


def _seen(rollout: Rollout, rules: Sequence[Mapping[str, JsonValue]]) -> Routes | None:
    """The weights of the rule that has them: the test's, or the last one after cookies."""
    if not rules:
        return None
    rule = rules[0] if matches(rollout) else rules[-1]
    weights = [(text_at(side, "destination", "host"), int_at(side, "weight"))
               for side in maps_at(rule, "route")]  # fmt: skip
    routes = split(weights, *_sides(rollout))
    return routes and routes.model_copy(update={"mirrored": "mirror" in rule})
