"""A real API server keeps what the routers write, whole: each strategy written, read back,
drifted and repaired, taken back.

The definitions are those of the projects where a Go module has them, else `schemas/`.
"""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from pydantic import JsonValue

from activities.kube.client import KubeClient
from activities.kube.connect import open_cluster
from activities.kube.objects import FENCE, KubeObject, Ref, int_at, map_at, maps_at, ref_of, text_at
from activities.routing.registry import ROUTERS
from activities.routing.removals import applied, removals, satisfied
from activities.routing.router import Rollout, Wanted
from activities.routing.services import (
    found_ports,
    services_read,
    services_undone,
    services_wanted,
)
from activities.routing.standing import lost
from tests.cluster.session import Cluster, until
from tests.unit.routing.scenes import WEIGHTED, a_rollout, ab, brought, changed, routes
from tests.unit.routing.test_every_router import WEIGHTS
from tests.unit.routing.test_services import CONTAINERS, a_users_apex
from workflows.model.provider import Provider

HERE = "routers"
SCHEMAS = Path(__file__).parent / "schemas"
BLUE_GREEN: JsonValue = {"interval": "1m", "threshold": 5, "iterations": 3}
HEADERS: JsonValue = ab({"headers": {"x-a": {"exact": "1"}, "x-b": {}}},
                        {"headers": {"x-c": {"regex": "2.*"}}})  # fmt: skip
CONTOURS: JsonValue = ab({"headers": {"x-a": {"exact": "1"}, "x-b": {}}},
                         {"headers": {"x-c": {"prefix": "2"}, "x-d": {"suffix": "3"}}})  # fmt: skip
NGINXS: JsonValue = ab(
    {"headers": {"x-a": {"exact": "1"}}}, {"headers": {"cookie": {"exact": "c"}}}
)
BY_MATCH = {"appmesh": HEADERS, "appmesh:v1beta2": HEADERS, "contour": CONTOURS, "gloo": HEADERS,
            "nginx": NGINXS}  # fmt: skip
SERVICE: dict[str, JsonValue] = {
    "timeout": "15s",
    "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "gateway-error"},
    "hosts": ["shop.example.com"],
    "backends": ["db.shop", "arn:aws:appmesh:x"],
    "apex": {"labels": {"team": "shop"}, "annotations": {"note": "apex"}},
}
STRATEGIES = [
    *((provider, "weighted", WEIGHTED) for provider in sorted(WEIGHTS)),
    *((provider, "blue-green", BLUE_GREEN) for provider in sorted(WEIGHTS)
      if provider != "knative"),
    *((provider, "a-b", analysis) for provider, analysis in BY_MATCH.items()),
]  # fmt: skip


class Server:
    """Writes as the engine does, without fences and owners."""

    def __init__(self, api: KubeClient) -> None:
        self.api = api

    async def live(self, refs: tuple[Ref, ...]) -> dict[Ref, KubeObject]:
        found = {ref: await self.api.read(ref) for ref in refs}
        return {ref: each for ref, each in found.items() if each is not None}

    async def write(self, wanted: Wanted) -> None:
        for each in wanted.objects:
            ref = ref_of(each)
            live = await self.api.read(ref)
            if live is not None and (patch := removals(each, live)):
                await self.api.merge(ref, patch)
            texts: dict[str, JsonValue] = {
                **map_at(applied(each), "metadata", "annotations"), FENCE: "1.1"
            }  # fmt: skip
            sent = applied(each)
            sent["metadata"] = {**map_at(sent, "metadata"), "annotations": texts}
            kept = await self.api.apply(sent)
            assert lost(sent, dict(kept)) is None, "the API server pruned it"
        for ref in wanted.absent:
            await self.api.delete(ref)

    async def edit(self, obj: KubeObject) -> None:
        """By hand, as a whole."""
        live = await self.api.read(ref_of(obj))
        assert live is not None
        version = text_at(live, "metadata", "resourceVersion")
        await self.api.replace(changed(obj, "metadata", "resourceVersion", to=version))


@pytest.fixture(scope="module")
async def server(cluster: Cluster) -> AsyncGenerator[Server]:
    for name in ("contour", "knative"):
        await cluster.install(name)
    for path in sorted(SCHEMAS.glob("*.yaml")):
        await cluster.apply(path.read_text())
    await cluster.namespace(HERE)
    async with open_cluster(cluster.kubeconfig) as api:
        yield Server(api)


def a_canary(provider: str, analysis: JsonValue) -> Rollout:
    return a_rollout(provider, analysis=analysis, service=SERVICE, namespace=HERE)


def theirs(provider: str) -> list[KubeObject]:
    """What the user brings; a template of an image makes a Knative Service valid."""
    found = [changed(each, "metadata", "namespace", to=HERE) for each in brought(provider).values()]
    if provider != "knative":
        return found
    container: JsonValue = {"image": "app:1"}
    return [changed(each, "spec", "template", "spec", "containers", to=[container])
            for each in found]  # fmt: skip


@pytest.mark.parametrize(("provider", "strategy", "analysis"), STRATEGIES)
async def test_a_strategy_is_written_read_back_repaired_and_taken_back(
    server: Server, provider: str, strategy: str, analysis: JsonValue
) -> None:
    router, rollout = ROUTERS[Provider(provider)], a_canary(provider, analysis)
    given = theirs(provider)
    for each in given:
        await server.api.apply(each)
        if "status" in each:
            await server.api.merge(ref_of(each), {"status": each["status"]}, subresource="status")
    refs = router.reads(rollout)
    before = set(await server.live(refs))

    for share in (0, 100) if strategy == "a-b" else (0, 10, 45, 100, 0, 30):
        await server.write(router.wanted(rollout, routes(share), await server.live(refs)))
        live = await server.live(refs)
        assert router.routes_of(rollout, live) == routes(share)
        again = router.wanted(rollout, routes(share), live)
        assert all(satisfied(each, live[ref_of(each)]) for each in again.objects)

    share = 100 if strategy == "a-b" else 30
    await server.write(router.wanted(rollout, routes(share), await server.live(refs)))
    live = await server.live(refs)
    wanted = router.wanted(rollout, routes(share), live).objects[-1]
    await server.edit(_drifted(provider, live[_weighted(provider, live)]))
    assert router.routes_of(rollout, await server.live(refs)) != routes(share)
    await server.write(router.wanted(rollout, routes(share), await server.live(refs)))
    live = await server.live(refs)
    assert router.routes_of(rollout, live) == routes(share)
    assert satisfied(wanted, live[ref_of(wanted)])

    await server.write(router.undone(rollout, live))

    async def gone() -> bool:
        return set(await server.live(refs)) == before

    await until(gone, f"what {provider} made to be gone", 10)
    for each in given:
        await server.api.delete(ref_of(each))


def _weighted(provider: str, live: dict[Ref, KubeObject]) -> Ref:
    kind, _ = WEIGHTS[provider]
    others = {"web-canary", f"web-canary.{HERE}", "door", "way"}
    return next(ref for ref in live if ref.kind == kind and ref.name not in others)


def _drifted(provider: str, obj: KubeObject) -> KubeObject:
    _, path = WEIGHTS[provider]
    return changed(obj, *path, to="77" if path[0] == "metadata" else 77)


async def test_the_three_services_are_written_followed_and_taken_back(server: Server) -> None:
    plain = a_rollout("traefik", namespace=HERE)
    richer = a_rollout("traefik", namespace=HERE, service={
        "portDiscovery": True, "appProtocol": "http", "trafficDistribution": "PreferClose",
        "apex": {"labels": {"team": "shop"}},
    })  # fmt: skip
    refs = services_read(plain)

    for rollout in (plain, richer, plain):
        ports = found_ports(rollout, CONTAINERS)
        for _ in range(2):
            for wanted in services_wanted(rollout, ports=ports, live=await server.live(refs)):
                await server.write(wanted)
        live = await server.live(refs)
        wanted_now = services_wanted(rollout, ports=ports, live=live)
        assert all(
            satisfied(each, live[ref_of(each)]) for one in wanted_now for each in one.objects
        )
        apex = live[Ref("v1", "Service", "web", HERE)]
        distribution = map_at(apex, "spec").get("trafficDistribution")
        assert distribution == rollout.canary.service.traffic_distribution
        numbers = {int_at(each, "port") for each in maps_at(apex, "spec", "ports")}
        assert numbers == ({80, 9090, 53, 8081} if rollout is richer else {80})

    for undone in services_undone(plain, await server.live(refs)):
        await server.write(undone)
    assert await server.live(refs) == {}


async def test_a_stray_label_is_taken_from_our_services(server: Server) -> None:
    rollout = a_rollout("traefik", namespace=HERE)
    refs = services_read(rollout)
    for wanted in services_wanted(rollout, live={}):
        await server.write(wanted)
    await server.api.merge(refs[0], {"metadata": {"labels": {"stray": "1"}}})

    for wanted in services_wanted(rollout, live=await server.live(refs)):
        await server.write(wanted)

    assert map_at((await server.live(refs))[refs[0]], "metadata", "labels") == {
        "app": "web-primary"
    }
    for undone in services_undone(rollout, await server.live(refs)):
        await server.write(undone)


@pytest.mark.parametrize("headless", [False, True])
async def test_an_apex_that_was_there_is_as_it_was_after_a_revert(
    server: Server, headless: bool
) -> None:
    rollout = a_rollout("traefik", namespace=HERE, service={"headless": headless})
    apex = changed(a_users_apex(), "metadata", "namespace", to=HERE)
    spec = {name: each for name, each in map_at(apex, "spec").items() if name != "clusterIP"}
    main: JsonValue = {"name": "web", "port": 80, "targetPort": 9898}
    spec["ports"] = [main]
    await server.api.create(changed(apex, "spec", to=spec))
    refs = services_read(rollout)
    first = (await server.live(refs))[refs[2]]

    for _ in range(2):
        for wanted in services_wanted(rollout, live=await server.live(refs)):
            await server.write(wanted)
    adopted = (await server.live(refs))[refs[2]]
    for undone in services_undone(rollout, await server.live(refs)):
        await server.write(undone)

    assert map_at(adopted, "spec", "selector") == {"app": "app-primary"}
    back = await server.live(refs)
    assert back.keys() == {refs[2]}
    assert back[refs[2]]["spec"] == first["spec"]
    assert text_at(back[refs[2]], "metadata", "annotations", "note") == "mine"
    await server.api.delete(refs[2])
