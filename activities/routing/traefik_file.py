"""Traefik's file provider: routes into dynamic configuration and back; pure.

The local platform writes what `render` gives and reads it back with `routes_of`. Names of
services are what the metrics of the proxy are labelled with, so built-in checks rely on them.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

from workflows.model.plan import RequestMatch, Routes, StringMatch, Traffic
from workflows.model.raw import is_array, is_object

ENTRY_POINT = "web"
PROVIDER = "@file"
STAMP_HEADER = "X-Serinus-Written"
_ORDINARY, _MATCHED, _NAMED = 100, 200, 300
"""Priorities of routers: who names the canary or matches the A/B test is asked first."""


class RouteError(ValueError):
    """These routes cannot be expressed."""


class Named(BaseModel):
    """A service in a weighted or mirroring one."""

    model_config = ConfigDict(extra="ignore")
    name: str
    weight: int | None = None
    percent: int | None = None


class Server(BaseModel):
    """Where one copy listens."""

    url: str


class LoadBalancer(BaseModel):
    """Copies, in turn."""

    servers: tuple[Server, ...]


class Weighted(BaseModel):
    """Services by weight."""

    services: tuple[Named, ...]


class Mirroring(BaseModel):
    """A service, and others that get copies of its requests."""

    service: str
    mirrors: tuple[Named, ...]


class Service(BaseModel):
    """One of the three kinds."""

    load_balancer: LoadBalancer | None = Field(default=None, alias="loadBalancer")
    weighted: Weighted | None = None
    mirroring: Mirroring | None = None


class Router(BaseModel):
    """Which requests go to which service."""

    entry_points: tuple[str, ...] = Field(alias="entryPoints")
    rule: str
    priority: int
    service: str


class Headers(BaseModel):
    """What a middleware would set, if a router had it."""

    response: dict[str, str] = Field(alias="customResponseHeaders")


class Middleware(BaseModel):
    """Only ever one that no router has: it carries the stamp of a file."""

    headers: Headers


class Http(BaseModel):
    """The HTTP half, the only one in use."""

    routers: dict[str, Router]
    services: dict[str, Service]
    middlewares: dict[str, Middleware] | None = None


class Dynamic(BaseModel):
    """One file of dynamic configuration."""

    http: Http

    def plain(self) -> dict[str, object]:
        """As Traefik reads it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def stamped(self, stamp: str) -> "Dynamic":
        """The same with a mark by which it is known from the same written before."""
        headers = Headers(customResponseHeaders={STAMP_HEADER: stamp})
        middlewares = {f"{next(iter(self.http.routers))}-written": Middleware(headers=headers)}
        return Dynamic(http=self.http.model_copy(update={"middlewares": middlewares}))

    def unstamped(self) -> "Dynamic":
        return Dynamic(http=self.http.model_copy(update={"middlewares": None}))


def apex(namespace: str, service: str) -> str:
    """The name of the weighted service; the others have it as their head."""
    return f"{namespace}-{service}"


def render(
    namespace: str,
    traffic: Traffic,
    routes: Routes,
    primary: Sequence[str],
    canary: Sequence[str] = (),
) -> Dynamic:
    """Configuration that sends users as the routes say; `primary` and `canary` are URLs."""
    if not canary and (routes.canary or routes.mirrored):
        raise RouteError(f"{routes.canary} % are to go to a canary, but no canary runs")
    name = apex(namespace, traffic.service)
    services = dict(_services(name, traffic, routes, primary, canary))
    routers = _routers(name, namespace, traffic, routes)
    if canary:
        # Tests reach it by its name, as they reach Flagger's canary Service, before users do.
        rule = _host(f"{traffic.service}-canary.{namespace}.localhost")
        routers[f"{name}-canary"] = _router(rule, f"{name}-canary", _NAMED)
    return Dynamic(http=Http(routers=routers, services=services))


def routes_of(config: Dynamic) -> Routes:
    """The routes that a configuration gives."""
    weights: dict[str, int] = {}
    mirrored = False
    for service in config.http.services.values():
        mirrored = mirrored or service.mirroring is not None
        if service.weighted is not None:
            for part in service.weighted.services:
                weights[part.name.removesuffix(PROVIDER).rpartition("-")[2]] = part.weight or 0
    return Routes(
        primary=weights.get("primary", 0), canary=weights.get("canary", 0), mirrored=mirrored
    )


def _services(
    name: str, traffic: Traffic, routes: Routes, primary: Sequence[str], canary: Sequence[str]
) -> Iterator[tuple[str, Service]]:
    yield f"{name}-primary", _balanced(primary)
    if canary:
        # Kept at weight 0 too, so that its counters do not vanish from the metrics.
        yield f"{name}-canary", _balanced(canary)
    parts = (("primary", routes.primary), ("canary", routes.canary))
    weighted = tuple(
        Named(name=f"{name}-{role}", weight=weight) for role, weight in parts if weight
    )
    if not weighted:
        raise RouteError("neither the primary nor the canary would get a request")
    yield name, Service(weighted=Weighted(services=weighted))
    if routes.mirrored:
        mirrors = (Named(name=f"{name}-canary", percent=traffic.mirror_percent),)
        yield f"{name}-mirror", Service(mirroring=Mirroring(service=name, mirrors=mirrors))


def _balanced(urls: Sequence[str]) -> Service:
    servers = tuple(Server(url=url) for url in urls)
    return Service(loadBalancer=LoadBalancer(servers=servers))


def _routers(name: str, namespace: str, traffic: Traffic, routes: Routes) -> dict[str, Router]:
    """Matched requests follow the routes; with a match, all others stay on the primary."""
    hosts = _hosts(namespace, traffic)
    following = f"{name}-mirror" if routes.mirrored else name
    if not traffic.match:
        return {name: _router(hosts, following, _ORDINARY)}
    routers = {name: _router(hosts, f"{name}-primary", _ORDINARY)}
    if routes.canary or routes.mirrored:
        # Not written without need: a bad expression must not hold up a restore.
        rule = _all((hosts, _any(_matches(match) for match in traffic.match)))
        routers[f"{name}-matched"] = _router(rule, following, _MATCHED)
    return routers


def _router(rule: str, service: str, priority: int) -> Router:
    return Router(entryPoints=(ENTRY_POINT,), rule=rule, priority=priority, service=service)


def _hosts(namespace: str, traffic: Traffic) -> str:
    names = dict.fromkeys((f"{traffic.service}.{namespace}.localhost", *traffic.hosts))
    return _any(_host(name) for name in names)


def _host(name: str) -> str:
    if not name.isascii():
        raise RouteError(f"host {name!r} is not ASCII; write it as punycode")
    if "*" not in name:
        return f"Host({_literal(name)})"
    pattern = "[^.]+".join(re.escape(part) for part in name.split("*")) if name != "*" else ".+"
    return f"HostRegexp({_literal(f'^{pattern}$')})"


def _matches(match: RequestMatch) -> str:
    headers = (_matcher("Header", name, text) for name, text in match.headers.items())
    query = (_matcher("Query", name, text) for name, text in match.query_params.items())
    return _all((*headers, *query)) or "PathPrefix(`/`)"


def _matcher(kind: str, name: str, text: StringMatch) -> str:
    if text.exact is not None:
        return f"{kind}({_literal(name)}, {_literal(text.exact)})"
    return f"{kind}Regexp({_literal(name)}, {_literal(_pattern(text))})"


def _pattern(text: StringMatch) -> str:
    """Traefik searches, manifests mean the whole value."""
    if text.prefix is not None:
        return f"^{re.escape(text.prefix)}"
    if text.suffix is not None:
        return f"{re.escape(text.suffix)}$"
    return ".*" if text.regex is None else f"^(?:{text.regex})$"


def _literal(text: str) -> str:
    """Traefik reads strings as Go does, which are JSON's but for pairs of surrogates."""
    return json.dumps(text, ensure_ascii=False)


def _any(rules: Iterable[str]) -> str:
    return _joined(rules, " || ")


def _all(rules: Iterable[str]) -> str:
    return _joined((rule for rule in rules if rule), " && ")


def _joined(rules: Iterable[str], operator: str) -> str:
    each = tuple(rules)
    return each[0] if len(each) == 1 else operator.join(f"({rule})" for rule in each)


def contains(live: object, wanted: object) -> bool:
    """Whether a live object says all that is wanted; Traefik adds its defaults and its status."""
    if is_object(wanted):
        return is_object(live) and all(
            name in live and contains(live[name], value) for name, value in wanted.items()
        )
    if is_array(wanted):
        return (
            is_array(live)
            and len(live) == len(wanted)
            and all(contains(one, other) for one, other in zip(live, wanted, strict=True))
        )
    return live == wanted
