"""Gloo: a `RouteTable` that the user's VirtualService delegates to, and an Upstream a Service.

An A/B test ends in a route for all others: without it, they would meet whatever the parent has,
in the documented set-up nothing.
"""

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, int_at, map_at, maps_at, text_at
from activities.routing.apex_object import all_claimed, undone
from activities.routing.parts import (
    JsonMap,
    apex_texts,
    found,
    matches,
    metadata,
    object_of,
    port,
    refuse_mirror,
    split,
)
from activities.routing.router import Live, Rollout, RouteError, Wanted
from workflows.model.http_match import HttpMatch, TextMatch
from workflows.model.plan import ALL_PRIMARY, Routes

_UPSTREAM = "gloo.solo.io/v1"
_DONATED = (
    "sslConfig", "circuitBreakers", "connectionConfig", "loadBalancerConfig", "useHttp2",
    "initialStreamWindowSize", "initialConnectionWindowSize", "httpProxyHostname",
)  # fmt: skip
"""What `upstreamRef` gives to both Upstreams, kept in step with it."""


class GlooRouter:
    """By weight and by headers."""

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        donor = _donor(rollout)
        return (*_ours(rollout), *((donor,) if donor else ()))

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        refuse_mirror(rollout, routes, "gloo")
        ref = _table(rollout)
        labels, annotations = apex_texts(rollout)
        meta = metadata(ref, labels=labels, annotations=annotations)
        table = object_of(ref, meta, {"routes": _routes(rollout, routes)})
        given = _given(rollout, live)
        upstreams = (
            _upstream(rollout, role, service, given)
            for role, service in (
                ("primary", rollout.primary), ("canary", rollout.canary_service)
            )
        )  # fmt: skip
        return all_claimed(rollout, (*upstreams, table), live)

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        table = live.get(_table(rollout))
        each = [_split(rollout, one) for one in maps_at(table or {}, "spec", "routes")]
        if not matches(rollout):
            return each[0] if len(each) == 1 else None
        return each[0] if len(each) == 2 and each[1] == ALL_PRIMARY else None

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        missing = (ref for ref in _ours(rollout) if ref not in live)
        return next((f"{ref} does not exist" for ref in missing), None)

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        return undone(rollout, _ours(rollout), live)


def _table(rollout: Rollout) -> Ref:
    return Ref("gateway.solo.io/v1", "RouteTable", rollout.apex, rollout.namespace)


def _upstream_ref(rollout: Rollout, role: str) -> Ref:
    name = f"{rollout.namespace}-{rollout.apex}-{role}upstream-{port(rollout)}"
    return Ref(_UPSTREAM, "Upstream", name, rollout.namespace)


def _ours(rollout: Rollout) -> tuple[Ref, ...]:
    """Upstreams first: a table must not name what is not there yet."""
    roles = ("primary", "canary")
    return (*(_upstream_ref(rollout, role) for role in roles), _table(rollout))


def _donor(rollout: Rollout) -> Ref | None:
    ref = rollout.canary.upstream_ref
    return Ref(_UPSTREAM, "Upstream", ref.name, ref.namespace or rollout.namespace) if ref else None


def _given(rollout: Rollout, live: Live) -> JsonMap:
    donor = _donor(rollout)
    if donor is None:
        return {}
    spec = map_at(found(live, donor, f"Canary {rollout.name} names it as upstreamRef"), "spec")
    return {name: value for name, value in spec.items() if name in _DONATED}


def _upstream(rollout: Rollout, role: str, service: str, given: JsonMap) -> JsonMap:
    ref = _upstream_ref(rollout, role)
    kube: JsonMap = {
        "serviceName": service,
        "serviceNamespace": rollout.namespace,
        "servicePort": port(rollout),
    }
    return object_of(ref, metadata(ref), {**given, "kube": kube})


def _routes(rollout: Rollout, routes: Routes) -> list[JsonValue]:
    matchers: list[JsonValue] = [_matcher(match) for match in matches(rollout)]
    if not matchers:
        return [_route(rollout, routes)]
    return [{**_route(rollout, routes), "matchers": matchers}, _route(rollout, ALL_PRIMARY)]


def _route(rollout: Rollout, routes: Routes) -> JsonMap:
    destinations: list[JsonValue] = [
        {"destination": {"upstream": _named(rollout, role)}, "weight": weight}
        for role, weight in (("primary", routes.primary), ("canary", routes.canary))
    ]
    multi: JsonMap = {"destinations": destinations}
    return {"inheritablePathMatchers": True, "routeAction": {"multi": multi}}


def _named(rollout: Rollout, role: str) -> JsonMap:
    return {"name": _upstream_ref(rollout, role).name, "namespace": rollout.namespace}


def _matcher(match: HttpMatch) -> JsonMap:
    """One of several: any matcher of a route is enough, all headers of a matcher are needed."""
    return {"headers": [_header(name, text) for name, text in match.headers.items()]}


def _header(name: str, text: TextMatch) -> JsonMap:
    if text.prefix is not None or text.suffix is not None:
        raise RouteError(f"analysis.match, header {name}: Gloo matches by exact or regex only")
    if text.regex is not None:
        return {"name": name, "value": text.regex, "regex": True}
    return {"name": name} if text.exact is None else {"name": name, "value": text.exact}


def _split(rollout: Rollout, route: KubeObject) -> Routes | None:
    weights = [
        (text_at(each, "destination", "upstream", "name"), int_at(each, "weight") or 0)
        for each in maps_at(route, "routeAction", "multi", "destinations")
    ]
    names = (_upstream_ref(rollout, role).name for role in ("primary", "canary"))
    return split(weights, *names)


GLOO = GlooRouter()
