"""The demo shop behind each provider that has a data plane here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from activities.kube.objects import map_at, text_at
from tests.cluster.scenes import shop
from tests.cluster.scenes.engine import eventually
from tests.cluster.session import Cluster

WEIGHTS: Mapping[str, JsonValue] = {"stepWeights": [20, 50]}


INGRESSES = frozenset({"nginx", "skipper"})


@dataclass(frozen=True)
class Matching:
    """How one provider is told who meets the canary, and what such people send."""

    name: str
    provider: str
    header: Mapping[str, JsonValue]
    cookie: Mapping[str, JsonValue]
    cookies: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=lambda: {"x-canary": "insider"})


HEADER: Mapping[str, JsonValue] = {"headers": {"x-canary": {"exact": "insider"}}}
MATCHING = (
    Matching(
        "nginx",
        "nginx",
        HEADER,
        {"headers": {"cookie": {"exact": "insider"}}},
        {"cookie": "insider=always"},
    ),
    Matching(
        "gatewayapi",
        "gatewayapi:v1",
        HEADER,
        {"headers": {"cookie": {"regex": "^(.*; )?group=insider(;.*)?$"}}},
        {"cookie": "group=insider"},
    ),
)


@dataclass(frozen=True)
class Way:
    """A namespace with the shop and a Canary of one provider."""

    cluster: Cluster
    namespace: str
    provider: str
    address: str = ""
    """Of its data plane; the node's own is that of Traefik."""

    @property
    def host(self) -> str:
        return f"{self.namespace}.test"

    async def initialised(self, analysis: Mapping[str, JsonValue]) -> None:
        """Version v1 is served by its primary."""
        await self.cluster.namespace(self.namespace)
        await self.cluster.apply(shop.deployment(self.namespace, "v1"), self.namespace)
        await self.cluster.apply(self._door(), self.namespace)
        timing: Mapping[str, JsonValue] = {"interval": "2s", "threshold": 2, "metrics": []}
        canary = shop.canary(self.namespace, self.provider, {**timing, **analysis})
        canary["spec"] = {**map_at(canary, "spec"), **self._provided()}
        await self.cluster.apply(canary, self.namespace)
        await self.reaches("Initialized")

    async def release(self, version: str, error_rate: str = "0") -> None:
        changed = shop.deployment(self.namespace, version, ERROR_RATE=error_rate)
        await self.cluster.apply(changed, self.namespace)

    async def reaches(self, phase: str) -> None:
        await eventually(self.cluster, self.namespace, "shop", phase)

    async def url(self) -> str:
        """Where its users are; for `kubernetes` that is the apex Service itself."""
        if self.provider != "kubernetes":
            return self.address or self.cluster.ingress_url
        apex = await self.cluster.get("v1", "Service", "shop", self.namespace)
        return f"http://{text_at(apex or {}, 'spec', 'clusterIP')}"

    async def leave(self) -> None:
        """Delete the Canary while there is somebody who can revert it, then all."""
        kinds = ("canary", "shop", "--ignore-not-found", "--namespace", self.namespace)
        await self.cluster.kubectl("delete", *kinds)
        await self.cluster.kubectl("delete", "namespace", self.namespace, "--wait=false")

    def _door(self) -> list[shop.Obj]:
        if self.provider == "traefik":
            return [shop.ingress_route(self.namespace, self.host)]
        if self.provider == "contour":
            return [_root_proxy(self.host)]
        if self.provider in INGRESSES:
            return [_ingress(self.host, self.provider)]
        return [_gateway()] if self.provider.startswith("gatewayapi") else []

    def _provided(self) -> dict[str, JsonValue]:
        if self.provider in INGRESSES:
            ingress: shop.Obj = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
            return {"ingressRef": {**ingress, "name": "shop"}}
        if self.provider.startswith("gatewayapi"):
            door: JsonValue = {"name": "web", "namespace": self.namespace}
            service: shop.Obj = {"port": 80, "targetPort": 8080, "hosts": [self.host]}
            return {"service": {**service, "gatewayRefs": [door]}}
        return {}


def _gateway() -> shop.Obj:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "web"},
        "spec": {
            "gatewayClassName": "traefik",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    }


def _root_proxy(host: str) -> shop.Obj:
    """The user's own: it includes the HTTPProxy that Serinus writes."""
    return {
        "apiVersion": "projectcontour.io/v1",
        "kind": "HTTPProxy",
        "metadata": {"name": "door"},
        "spec": {"virtualhost": {"fqdn": host}, "includes": [{"name": "shop"}]},
    }


def _ingress(host: str, name: str) -> shop.Obj:
    backend: JsonValue = {"service": {"name": "shop", "port": {"number": 80}}}
    path: JsonValue = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop"},
        "spec": {
            "ingressClassName": name,
            "rules": [{"host": host, "http": {"paths": [path]}}],
        },
    }
