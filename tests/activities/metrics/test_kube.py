"""What the observe activity sees of a cluster: checks, the counters of pods, and readiness."""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack

import httpx
import pytest

from activities.analysis.instruments import Checks, LiveCounters
from activities.kube.objects import KubeObject
from activities.metrics.kube import KubeMetrics, KubeMetricsSettings
from activities.metrics.members import RouterMetricsError
from tests.activities.metrics.kube_pods import (
    NAMESPACE,
    Pod,
    a_slice,
    an_answer,
    an_endpoint,
    slice_ref,
)
from tests.activities.metrics.provider_server import Provider, serving
from tests.fakes_kube import InMemoryKube, forbidden
from workflows.errors import Reason
from workflows.model.identity import Slot
from workflows.model.live import Look
from workflows.model.measurement import MetricQuery, Outcome, SecretRef, Threshold
from workflows.model.plan import Check, Traffic
from workflows.queries.subject import latest_revision

SLOT = Slot(namespace=NAMESPACE, name="shop")
TRAFFIC = Traffic(provider="istio", service="front")
EVERY = 0.02
PATIENCE = 5.0


class Cluster:
    """A primary of one pod and a canary of two."""

    def __init__(self, http: httpx.AsyncClient, servers: list[Provider]) -> None:
        self.api = InMemoryKube()
        self.http = http
        self.primary = Pod("front-primary-a", servers[0])
        self.canaries = (Pod("front-a", servers[1]), Pod("front-b", servers[2]))
        for pod in (self.primary, *self.canaries):
            pod.put(self.api)
            pod.counts(1000, 10)
        self.api.put(a_slice("front-primary", an_endpoint(self.primary.name)))
        self.show(*(an_endpoint(pod.name) for pod in self.canaries))
        self.metrics = self.with_settings()

    def with_settings(self, **settings: object) -> KubeMetrics:
        wanted = KubeMetricsSettings.model_validate({"every": EVERY, **settings})
        return KubeMetrics(self.api, self.http, wanted)

    def show(self, *endpoints: KubeObject) -> None:
        self.api.put(a_slice("front-canary", *endpoints))

    @property
    def live(self) -> LiveCounters:
        return self.metrics

    @property
    def checks(self) -> Checks:
        return self.metrics


@pytest.fixture
async def cluster(http: httpx.AsyncClient) -> AsyncGenerator[Cluster]:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serving()) for _ in range(3)]
        yield Cluster(http, servers)


async def until(looks: AsyncIterator[Look], fits: Callable[[list[Look]], bool]) -> list[Look]:
    """Looks until they fit."""
    seen: list[Look] = []
    async with asyncio.timeout(PATIENCE):
        async for look in looks:
            seen.append(look)
            if fits(seen):
                break
    return seen


def canary_of(looks: list[Look]) -> tuple[int, int]:
    return sum(one.canary.requests for one in looks), sum(one.canary.failed for one in looks)


def primary_of(looks: list[Look]) -> tuple[int, int]:
    return sum(one.primary.requests for one in looks), sum(one.primary.failed for one in looks)


async def started(cluster: Cluster, looks: AsyncIterator[Look]) -> None:
    """Every pod has been scraped since, so what it counts from now on is seen."""
    async with asyncio.timeout(PATIENCE):
        for pod in (cluster.primary, *cluster.canaries):
            await pod.server.was_asked(len(pod.server.asked) + 2)
    await until(looks, lambda seen: len(seen) == 3)


async def test_looks_add_up_the_pods_of_each_side(cluster: Cluster) -> None:
    async with cluster.live.follow(SLOT, TRAFFIC) as feed:
        looks = feed.looks()
        await started(cluster, looks)
        cluster.primary.counts(1090, 20)
        cluster.canaries[0].counts(1005, 12)
        cluster.canaries[1].counts(1001, 13)
        seen = await until(looks, lambda seen: canary_of(seen)[0] >= 11)
        seen += await until(looks, lambda seen: len(seen) == 3)
    assert canary_of(seen) == (11, 5)
    assert primary_of(seen) == (100, 10)
    assert {request.path for request in cluster.primary.server.asked} == {"/stats"}


async def test_a_pod_that_restarts_comes_or_goes_does_not_show(cluster: Cluster) -> None:
    async with cluster.live.follow(SLOT, TRAFFIC) as feed:
        looks = feed.looks()
        await started(cluster, looks)
        cluster.canaries[0].counts(3, 1)
        seen = await until(looks, lambda seen: canary_of(seen)[0] >= 4)
        cluster.show(an_endpoint("front-a"))
        seen += await until(looks, lambda seen: seen[-1].canary_ready == 1)
        seen += await until(looks, lambda seen: len(seen) == 3)
        cluster.show(an_endpoint("front-a"), an_endpoint("front-b"))
        seen += await until(looks, lambda seen: seen[-1].canary_ready == 2)
        seen += await until(looks, lambda seen: len(seen) == 3)
    assert canary_of(seen) == (4, 1)
    assert primary_of(seen) == (0, 0)


async def test_readiness_is_told_by_a_watch_and_each_pod_counts_once(cluster: Cluster) -> None:
    cluster.api.put(a_slice("front-canary", an_endpoint("front-a", address="::1"), number=2))
    async with cluster.live.follow(SLOT, TRAFFIC) as feed:
        looks = feed.looks()
        await until(looks, lambda seen: seen[-1].canary_ready == 2)
        cluster.show(an_endpoint("front-b", ready=False), an_endpoint("front-c", ready=None))
        await until(looks, lambda seen: seen[-1].canary_ready == 2)
        cluster.api.drop(slice_ref("front-canary", 2))
        await until(looks, lambda seen: seen[-1].canary_ready == 1)
        cluster.show()
        await until(looks, lambda seen: seen[-1].canary_ready == 0)
        assert cluster.api.counts["watch EndpointSlice"] == 2
        assert cluster.api.counts["list EndpointSlice"] == 0
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not any(name.startswith(("watch front", "scrape")) for name in names)


async def test_where_nobody_counts_there_is_a_reason_and_still_readiness(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    for pod in cluster.canaries:
        pod.server.says(404, "")
    async with cluster.metrics.follow(SLOT, TRAFFIC) as feed:
        looks = feed.looks()
        seen = await until(looks, lambda seen: seen[-1].canary_ready == 2 and len(seen) > 5)
        assert feed.blind is not None
        assert "no page of the canary can be read" in feed.blind
    assert canary_of(seen) == (0, 0)
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert len(cluster.canaries[0].server.asked) == 1


async def test_without_a_canary_service_nobody_says_that_none_is_ready(cluster: Cluster) -> None:
    cluster.api.drop(slice_ref("front-canary"))
    async with cluster.live.follow(SLOT, TRAFFIC) as feed:
        seen = await until(feed.looks(), lambda seen: len(seen) == 10)
    assert {look.canary_ready for look in seen} == {None}


async def test_a_watch_that_is_refused_is_a_reason_not_an_error(cluster: Cluster) -> None:
    cluster.api.refuse = lambda verb, ref: forbidden(verb, ref) if verb == "watch" else None
    async with cluster.metrics.follow(SLOT, TRAFFIC) as feed:
        seen = await until(feed.looks(), lambda seen: len(seen) == 5)
        assert feed.blind is not None
        assert "may not watch" in feed.blind
    assert seen[-1].canary_ready is None


async def test_behind_a_router_its_pods_are_asked(
    cluster: Cluster, http: httpx.AsyncClient
) -> None:
    def a_page(primary: int, failed: int) -> str:
        name, end = "test-front-{}-80@kubernetescrd", "\n"
        return (
            f'traefik_service_requests_total{{code="200",service="{name.format("primary")}"}}'
            f" {primary}{end}"
            f'traefik_service_requests_total{{code="500",service="{name.format("canary")}"}}'
            f" {failed}{end}"
        )

    one, other = (pod.server for pod in cluster.canaries)
    one.says(200, a_page(1000, 1000))
    other.says(200, a_page(1000, 1000))
    port = int(other.url.rpartition(":")[2])
    cluster.api.put(a_slice("traefik", an_endpoint("traefik-a"), port=port))
    metrics = cluster.with_settings(
        router_metrics=(f"{one.url}/metrics", f"{NAMESPACE}/traefik:{port}")
    )
    traffic = Traffic(provider="traefik", service="front")
    async with metrics.follow(SLOT, traffic) as feed:
        looks = feed.looks()
        await until(looks, lambda seen: seen[-1].canary_ready == 2)
        async with asyncio.timeout(PATIENCE):
            for server in (one, other):
                await server.was_asked(len(server.asked) + 2)
        await until(looks, lambda seen: len(seen) == 3)
        assert feed.blind is None
        one.says(200, a_page(1010, 1001))
        other.says(200, a_page(1020, 1002))
        seen = await until(looks, lambda seen: primary_of(seen)[0] >= 30)
        seen += await until(looks, lambda seen: len(seen) == 3)
    assert canary_of(seen) == (3, 3)
    assert primary_of(seen) == (30, 0)
    assert cluster.primary.server.asked == []


async def test_a_router_that_starts_again_is_followed_as_soon_as_it_has_a_page(
    cluster: Cluster,
) -> None:
    service = "test-front-canary-80@kubernetescrd"
    page = f'traefik_service_requests_total{{code="500",service="{service}"}}'
    server = cluster.primary.server
    server.says(200, f"{page} 100\n")
    metrics = cluster.with_settings(router_metrics=(server.url,))
    async with metrics.follow(SLOT, Traffic(provider="traefik", service="front")) as feed:
        looks = feed.looks()
        await until(looks, lambda seen: len(seen) == 5)
        server.says(404, "404 page not found")
        async with asyncio.timeout(PATIENCE):
            await server.was_asked(len(server.asked) + 3)
        server.says(200, f"{page} 7\n")
        seen = await until(looks, lambda seen: canary_of(seen)[1] >= 7)
    assert canary_of(seen) == (7, 7)


async def test_a_router_that_knows_nothing_of_the_slot_is_a_reason(cluster: Cluster) -> None:
    server = cluster.primary.server
    server.says(200, 'traefik_service_requests_total{code="200",service="api@internal"} 7\n')
    metrics = cluster.with_settings(router_metrics=(server.url,))
    async with metrics.follow(SLOT, Traffic(provider="traefik", service="front")) as feed:
        await until(feed.looks(), lambda seen: len(seen) == 5)
        assert feed.blind == "nothing that is scraped has counted a request of test/shop yet"


def test_a_router_that_cannot_be_read_is_refused_at_the_start(cluster: Cluster) -> None:
    with pytest.raises(RouterMetricsError, match="namespace/service:port"):
        cluster.with_settings(router_metrics=("traefik",))


def a_check(query: str = "up", address: str = "", secret: str | None = None) -> Check:
    metric = MetricQuery(
        check="request-success-rate",
        provider="prometheus",
        query=query,
        address=address,
        secret=None if secret is None else SecretRef(namespace=NAMESPACE, name=secret),
    )
    return Check(metric=metric, threshold=Threshold(min=99))


async def test_a_check_asks_the_metrics_server_with_the_secret_of_its_template(
    cluster: Cluster, provider: Provider
) -> None:
    provider.says(200, an_answer(99.5))
    token = base64.b64encode(b"s3cret\n").decode()
    cluster.api.put({"apiVersion": "v1", "kind": "Secret", "data": {"token": token},
                     "metadata": {"name": "prom", "namespace": NAMESPACE}})  # fmt: skip
    metrics = cluster.with_settings(metrics_server=provider.url)
    measurement = await metrics.measure(a_check(secret="prom"), TRAFFIC, SLOT)
    assert (measurement.outcome, measurement.value) == (Outcome.VALUE, 99.5)
    assert provider.asked[0].headers["Authorization"] == "Bearer s3cret"
    missing = await metrics.measure(a_check(secret="other"), TRAFFIC, SLOT)
    assert (missing.outcome, missing.reason) == (Outcome.DENIED, Reason.SECRET_MISSING)


async def test_the_latest_revision_is_asked_of_knative(
    cluster: Cluster, provider: Provider
) -> None:
    provider.says(200, an_answer(100))
    metrics = cluster.with_settings(metrics_server=provider.url)
    check = a_check(f'requests{{cluster="test/{latest_revision("shop")}"}}')
    nothing = await metrics.measure(check, TRAFFIC, SLOT)
    assert nothing.outcome is Outcome.NO_DATA
    cluster.api.put(
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": "shop", "namespace": NAMESPACE},
            "status": {"latestCreatedRevisionName": "shop-00002"},
        }
    )
    measurement = await metrics.measure(check, TRAFFIC, SLOT)
    assert measurement.value == 100
    assert provider.asked[0].query["query"] == 'requests{cluster="test/shop-00002"}'
