"""A real API server keeps what the routers of Istio and the Gateway API write, whole.

Traefik's Gateway controller answers for the HTTPRoutes; nothing answers for Istio's, whose own
definitions judge the objects.
"""

import itertools
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

import pytest
from pydantic import JsonValue

from activities.kube.client import KubeClient
from activities.kube.connect import open_cluster
from activities.kube.objects import KubeObject, Ref, map_at, maps_at, ref_of, text_at, texts_at
from activities.kube.state import CanarySnapshot
from activities.kube.store import KubeStore
from activities.routing.kube import KubeRouting
from activities.routing.registry import ROUTERS
from activities.routing.removals import applied
from activities.routing.router import Rollout
from activities.routing.standing import lost
from tests.cluster.session import Cluster
from worker.crds.kinds import files
from workflows.model.canary import Canary
from workflows.model.identity import Fence, Slot
from workflows.model.plan import Routes, Traffic
from workflows.model.provider import Provider
from workflows.model.requests import EnsureRoutes, RoutesEnsured, SlotWrite

Json = dict[str, JsonValue]
WEIGHTED: Json = {"interval": "1m", "threshold": 2, "stepWeight": 10}
BLUE_GREEN: Json = {"interval": "1m", "threshold": 2, "iterations": 3}
AB: Json = {
    **BLUE_GREEN,
    "match": [
        {"headers": {"x-beta": {"exact": "yes"}}},
        {"queryParams": {"beta": {"exact": "1"}}, "headers": {"x": {"regex": "a.*"}}},
    ],
}
AFFINITY: Json = {"cookieName": "side", "primaryCookieName": "stay", "path": "/", "secure": True}
STICKY: Json = {**WEIGHTED, "sessionAffinity": AFFINITY}
TEN = Routes(primary=90, canary=10)
ALL_CANARY = Routes(primary=0, canary=100)
ALL_PRIMARY = Routes(primary=100, canary=0)
MIRRORED = Routes(primary=100, canary=0, mirrored=True)
ISTIO_SERVICE: Json = {
    "hosts": ["shop.example.com"],
    "gateways": ["public"],
    "portDiscovery": True,
    "match": [{"uri": {"prefix": "/"}, "headers": {"x-there": {}}, "ignoreUriCase": True}],
    "rewrite": {"uri": "/", "authority": "inner"},
    "timeout": "15s",
    "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx"},
    "headers": {"request": {"set": {"a": "b"}}, "response": {"add": {"c": "d"}, "remove": ["e"]}},
    "corsPolicy": {
        "allowOrigins": [{"exact": "https://a.example.com"}],
        "allowMethods": ["GET"],
        "maxAge": "24h",
        "allowCredentials": True,
    },
    "trafficPolicy": {
        "tls": {"mode": "ISTIO_MUTUAL"},
        "connectionPool": {"tcp": {"maxConnections": 10}, "http": {"http2MaxRequests": 10}},
        "outlierDetection": {"consecutive5xxErrors": 3, "interval": "1s"},
        "portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "DISABLE"}}],
    },
}
GATEWAY_SERVICE: Json = {
    "hosts": ["shop.example.com"],
    "gatewayRefs": [{"name": "public"}],
    "match": [{"uri": {"prefix": "/"}, "headers": {"x": {"regex": "a.*"}}}],
    "rewrite": {"uri": "/", "authority": "inner", "type": "ReplacePrefixMatch"},
    "headers": {"request": {"set": {"a": "b"}}, "response": {"add": {"c": "d"}, "remove": ["e"]}},
}
_numbers = itertools.count(1)


@dataclass
class Shop:
    """A Canary of a real cluster in a namespace of its own."""

    cluster: Cluster
    client: KubeClient
    slot: Slot
    commands: int = 0

    def __post_init__(self) -> None:
        self.store = KubeStore(self.client, "here")
        self.routing = KubeRouting(self.client, self.store, patience=20)

    async def begin(self, provider: str, service: Mapping[str, JsonValue], analysis: Json) -> None:
        spec: Json = {
            "provider": provider,
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "service": {"port": 80, **service},
            "analysis": analysis,
        }
        named: Json = {"name": "shop", "namespace": self.slot.namespace}
        whole: Json = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": named}
        # Not all that is tried here passes a definition of a Canary: only its uid is needed.
        plain: Json = {**spec, "provider": "istio", "service": {"port": 80}, "analysis": WEIGHTED}
        [made] = await self.cluster.apply({**whole, "spec": plain}, self.slot.namespace)
        metadata: Json = {**named, "uid": text_at(made, "metadata", "uid")}
        canary = Canary.model_validate({**whole, "metadata": metadata, "spec": spec})
        snapshot = CanarySnapshot.of(canary, ("app", "shop"))
        self.provider = provider
        async with self.store.write(self.slot, self.fence()) as edit:
            await edit.save(edit.state.but(canary=snapshot))

    def fence(self) -> Fence:
        self.commands += 1
        return Fence(run_id="run", generation=1, sequence=self.commands)

    async def ensure(self, routes: Routes) -> RoutesEnsured:
        return await self.routing.ensure(
            EnsureRoutes(
                slot=self.slot,
                fence=self.fence(),
                revision="s1-new",
                traffic=Traffic(provider=self.provider, service="shop"),
                routes=routes,
            )
        )

    async def undo(self) -> None:
        await self.routing.undo(SlotWrite(slot=self.slot, fence=self.fence(), revision="s1-new"))

    async def rollout(self) -> Rollout:
        canary = (await self.store.read(self.slot)).canary
        assert canary is not None
        label = canary.selector_label
        cookie = "not asked for"
        return Rollout(self.slot.namespace, "shop", canary.spec, {}, label, "s1-new", cookie)

    async def objects(self) -> dict[Ref, KubeObject]:
        refs = ROUTERS[Provider(self.provider)].reads(await self.rollout())
        found = {ref: await self.client.read(ref) for ref in refs}
        return {ref: obj for ref, obj in found.items() if obj is not None}

    def ref(self, kind: str) -> Ref:
        api = "networking.istio.io/v1beta1" if kind == "VirtualService" else (
            f"gateway.networking.k8s.io/{self.provider.partition(':')[2]}")  # fmt: skip
        return Ref(api, kind, "shop", self.slot.namespace)


@pytest.fixture(scope="module", name="prepared")
async def a_prepared_cluster(cluster: Cluster) -> Cluster:
    await cluster.apply("---\n".join(files().values()))
    await cluster.install("istio")
    return cluster


@pytest.fixture
async def shop(prepared: Cluster) -> AsyncGenerator[Shop]:
    namespace = await prepared.namespace(f"routers-{next(_numbers)}")
    listener: Json = {"name": "web", "port": 80, "protocol": "HTTP"}
    gateway: Json = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "public", "namespace": namespace},
        "spec": {"gatewayClassName": "traefik", "listeners": [listener]},
    }
    await prepared.apply(gateway, namespace)
    async with open_cluster(prepared.kubeconfig) as client:
        yield Shop(prepared, client, Slot(cluster="here", namespace=namespace, name="shop"))
    await prepared.delete("v1", "Namespace", namespace)


GATEWAY_V1: Json = {
    **GATEWAY_SERVICE,
    "timeout": "15s",
    "backendTimeout": "500ms",
    "mirror": [{"backendRef": {"name": "shop-primary", "port": 80}}],
}
CASES: tuple[tuple[str, Json, Json, tuple[Routes, ...]], ...] = (
    ("istio", ISTIO_SERVICE, WEIGHTED, (ALL_PRIMARY, TEN, ALL_CANARY)),
    ("istio", ISTIO_SERVICE, {**WEIGHTED, "mirror": True, "mirrorWeight": 20}, (MIRRORED, TEN)),
    ("istio", ISTIO_SERVICE, BLUE_GREEN, (MIRRORED, ALL_CANARY)),
    ("istio", {**ISTIO_SERVICE, "rewrite": {"uri": "/"}}, AB, (ALL_PRIMARY, ALL_CANARY)),
    ("istio", ISTIO_SERVICE, STICKY, (ALL_PRIMARY, TEN, ALL_CANARY)),
    ("istio", {"appProtocol": "tcp", "match": [{"port": 80}]}, WEIGHTED, (ALL_PRIMARY, TEN)),
    ("istio", {"delegation": True}, WEIGHTED, (TEN,)),
    ("gatewayapi:v1", GATEWAY_V1, WEIGHTED, (ALL_PRIMARY, TEN, ALL_CANARY)),
    ("gatewayapi:v1", GATEWAY_SERVICE, {**BLUE_GREEN, "mirrorWeight": 20}, (MIRRORED, ALL_CANARY)),
    ("gatewayapi:v1", GATEWAY_SERVICE, AB, (ALL_PRIMARY, ALL_CANARY)),
    ("gatewayapi:v1", GATEWAY_SERVICE, STICKY, (ALL_PRIMARY, TEN, ALL_CANARY)),
    ("gatewayapi:v1beta1", GATEWAY_SERVICE, WEIGHTED, (ALL_PRIMARY, TEN)),
    ("gatewayapi:v1beta1", GATEWAY_SERVICE, AB, (ALL_CANARY,)),
)


@pytest.mark.parametrize(("provider", "service", "analysis", "steps"), CASES)
async def test_what_is_sent_is_kept_drift_is_repaired_and_nothing_stays(
    shop: Shop, provider: str, service: Json, analysis: Json, steps: tuple[Routes, ...]
) -> None:
    await shop.begin(provider, service, analysis)
    router = ROUTERS[Provider(provider)]
    for routes in steps:
        await shop.ensure(routes)
        live = await shop.objects()
        calm = await shop.ensure(routes)
        assert not calm.changed
        assert not calm.drifted
        cookieless = "sessionAffinity" not in analysis
        if cookieless:
            assert router.routes_of(await shop.rollout(), live) == routes
            for obj in router.wanted(await shop.rollout(), routes, live).objects:
                assert lost(applied(obj), dict(live[ref_of(obj)])) is None
    kind = "VirtualService" if provider == "istio" else "HTTPRoute"
    await add_a_rule_of_theirs(shop, kind)
    repaired = await shop.ensure(steps[-1])
    assert repaired.drifted
    assert not (await shop.ensure(steps[-1])).changed
    await shop.undo()
    assert await shop.objects() == {}
    for name in ("shop", "shop-primary", "shop-canary"):
        assert await shop.cluster.get("v1", "Service", name, shop.slot.namespace) is None


async def add_a_rule_of_theirs(shop: Shop, kind: str) -> None:
    """Somebody edits our rules by hand, and leaves all that is wanted where it is."""
    live = await shop.client.read(shop.ref(kind))
    assert live is not None
    spec = map_at(live, "spec")
    name = next(each for each in ("http", "tcp", "rules") if each in spec)
    rules = [*maps_at(live, "spec", name)]
    if name == "http":
        abort: Json = {"httpStatus": 500, "percentage": {"value": 1}}
        rules[0] = {**rules[0], "fault": {"abort": abort}}
    else:
        rules = [*rules, rules[-1]]
    path = await shop.cluster.objects.path(
        text_at(live, "apiVersion"), kind, shop.slot.namespace, "shop"
    )
    metadata = {**map_at(live, "metadata"), "managedFields": None}
    edited: Json = {**live, "metadata": metadata, "spec": {**spec, name: [*rules]}}
    await shop.cluster.rest.ask("PUT", f"{path}?fieldManager=kubectl-edit", edited)


async def test_a_route_that_was_there_comes_back(shop: Shop) -> None:
    user: Json = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {
            "name": "shop",
            "namespace": shop.slot.namespace,
            "labels": {"team": "a"},
            "annotations": {"note": "theirs"},
        },
        "spec": {
            "hosts": ["shop.example.com"],
            "http": [{"route": [{"destination": {"host": "shop"}}], "timeout": "3s"}],
        },
    }
    await shop.cluster.apply(user, shop.slot.namespace)
    await shop.begin("istio", ISTIO_SERVICE, WEIGHTED)
    for routes in (ALL_PRIMARY, TEN, ALL_PRIMARY):
        await shop.ensure(routes)
    await shop.undo()
    live = await shop.client.read(shop.ref("VirtualService"))
    assert live is not None
    assert live["spec"] == user["spec"]
    assert texts_at(live, "metadata", "labels") == {"team": "a"}
    assert texts_at(live, "metadata", "annotations") == {"note": "theirs"}
    assert maps_at(live, "metadata", "ownerReferences") == []


async def test_a_field_taken_out_of_the_canary_goes_from_the_route(shop: Shop) -> None:
    await shop.begin("istio", ISTIO_SERVICE, WEIGHTED)
    await shop.ensure(TEN)
    await shop.begin("istio", {"hosts": ["shop.example.com"]}, WEIGHTED)
    await shop.ensure(TEN)
    live = await shop.client.read(shop.ref("VirtualService"))
    assert live is not None
    [rule] = maps_at(live, "spec", "http")
    assert set(rule) == {"route"}
    for side in ("shop-primary", "shop-canary"):
        where = (shop.ref("VirtualService").api_version, "DestinationRule", side)
        found = await shop.cluster.get(*where, shop.slot.namespace)
        assert found is not None
        assert map_at(found, "spec") == {"host": side}
