"""What Serinus asks of an API server: `python -m tests.bench api_requests`.

On the test cluster. Idle: a controller over 1, 100 and 1,000 Canaries whose targets hold what was
promoted, counted in its own client for three minutes after it knows them all. A release: all that
worker and controller ask from the new revision to its promotion, by verb and kind.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from pydantic import JsonValue

from activities.audit.appending import LoggedAuditing
from activities.hooking.caller import open_hook_caller
from activities.kube.client import KubeClient
from activities.kube.connect import open_cluster
from activities.kube.objects import Ref
from activities.reporting.reporter import KubeReporter
from tests.bench.server import Server, temporal_server
from tests.bench.table import judged, show, tell
from tests.cluster.scenes import shop
from tests.cluster.session import Cluster, cluster, until
from worker import logs
from worker.app import workers
from worker.applying import Trigger
from worker.controller.running import TemporalRollouts, running
from worker.controller.settings import ClusterSettings
from worker.kube_platform import KubePlatform
from worker.registration import register_search_attributes
from workflows.model.identity import Slot
from workflows.model.revision import target_revision
from workflows.model.status import Verb

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
CANARIES = (1, 100, 1_000)
WATCHED = 180.0
WITHIN = 120.0
SETTLED = 15.0
PEER = 191
"""Requests a minute of one idle Canary of Flagger 1.44 on the same cluster, interval 10 s."""
Obj = dict[str, JsonValue]


async def idle(on: Cluster, count: int) -> tuple[float, Counter[str]]:
    """Requests a minute, and what they were."""
    space = f"idle-{count}"
    await on.namespace(space)
    names = [f"app-{number}" for number in range(count)]
    deployments: list[Obj] = [shop.deployment(space, "v1", name=name, replicas=0) for name in names]
    analysis: Obj = {"interval": "10s", "threshold": 2, "stepWeight": 50}
    await on.apply(deployments, space)
    await on.apply([shop.canary(space, "traefik", analysis, name=name) for name in names], space)
    async with open_cluster(on.kubeconfig) as api:
        for name in names:
            await _promoted(on, api, space, name)
    settings = ClusterSettings(namespaces=(space,))
    async with (
        open_cluster(on.kubeconfig) as api,
        running(api, Nobody(), "bench", settings) as seen,
    ):
        await until(lambda: _knows(seen.catalogue.canaries, count), "all are known", WITHIN)
        await _settled(api)
        before, began = Counter(api.requests), time.monotonic()
        await asyncio.sleep(WATCHED)
        asked = Counter(api.requests) - before
        return 60 * asked.total() / (time.monotonic() - began), asked


async def _promoted(on: Cluster, api: KubeClient, space: str, name: str) -> None:
    """As a rollout leaves a Canary."""
    target = await on.get("apps/v1", "Deployment", name, space)
    assert target is not None
    revision = target_revision(target, {})
    status: Obj = {
        "phase": "Succeeded",
        "lastAppliedSpec": revision,
        "lastPromotedSpec": revision,
        "canaryWeight": 0,
        "failedChecks": 0,
        "iterations": 0,
        "observedGeneration": 1,
    }
    ref = Ref("flagger.app/v1beta1", "Canary", name, space)
    await api.merge(ref, {"status": status}, subresource="status")


async def _settled(api: KubeClient) -> None:
    """A controller that sees a Canary for the first time holds it by a finalizer, once."""
    asked = -1
    while api.requests.total() != asked:
        asked = api.requests.total()
        await asyncio.sleep(SETTLED)


async def _knows(canaries: Iterable[object], count: int) -> bool:
    return len(list(canaries)) >= count


class Nobody:
    """Whom nothing may be asked of."""

    async def submit(self, trigger: Trigger) -> None:
        raise AssertionError(f"an idle Canary was triggered: {trigger}")

    async def order(self, slot: Slot, verb: Verb) -> None:
        raise AssertionError(f"an idle Canary was told to {verb}: {slot.key}")


@asynccontextmanager
async def serinus(on: Cluster, server: Server, space: str) -> AsyncGenerator[list[KubeClient]]:
    """Worker and controller in this process; their clients count."""
    terms = ClusterSettings(namespaces=(space,), metrics_server=on.prometheus_url)
    async with AsyncExitStack() as stack:
        ours, theirs = [
            await stack.enter_async_context(open_cluster(on.kubeconfig)) for _ in range(2)
        ]
        http = await stack.enter_async_context(httpx.AsyncClient())
        hooks = await stack.enter_async_context(open_hook_caller())
        await register_search_attributes(server.client)
        platform = KubePlatform(server.settings, terms, server.client, ours, KubeReporter(ours))
        wired = platform.with_network(http, hooks, http).and_also(LoggedAuditing().append)
        for worker in workers(server.client, server.settings, wired):
            await stack.enter_async_context(worker)
        name = server.settings.cluster
        await stack.enter_async_context(
            running(theirs, TemporalRollouts(server.client), name, terms)
        )
        yield [ours, theirs]


async def release(on: Cluster) -> tuple[float, Counter[str]]:
    """Seconds of one release of three weights, and what was asked for it."""
    space = "releasing"
    await on.namespace(space)
    analysis: Obj = {"interval": "10s", "threshold": 2, "stepWeights": [10, 30, 60]}
    await on.apply([shop.deployment(space, "v1"), shop.ingress_route(space, "shop.bench")], space)
    await on.apply([shop.canary(space, "traefik", analysis)], space)
    async with temporal_server() as server, serinus(on, server, space) as clients:
        await _phase(on, space, "Initialized")
        await asyncio.sleep(5.0)
        before = sum((Counter(client.requests) for client in clients), Counter[str]())
        began = time.monotonic()
        await on.apply([shop.deployment(space, "v2")], space)
        await _phase(on, space, "Succeeded")
        took = time.monotonic() - began
        await asyncio.sleep(2.0)
        asked = sum((Counter(client.requests) for client in clients), Counter[str]()) - before
        return took, asked


async def _phase(on: Cluster, space: str, phase: str) -> None:
    async def reached() -> bool:
        canary = await on.get("flagger.app/v1beta1", "Canary", "shop", space)
        status = (canary or {}).get("status")
        return isinstance(status, dict) and status.get("phase") == phase

    await until(reached, f"the shop is {phase}", WITHIN)


async def measure() -> bool:
    async with cluster() as on:
        for path in await asyncio.to_thread(lambda: sorted(CRDS.glob("*.*.yaml"))):
            await on.apply(await asyncio.to_thread(path.read_text))
        rows: list[tuple[object, ...]] = []
        least = 0.0
        for count in CANARIES:
            a_minute, asked = await idle(on, count)
            tell(f"{count} idle: {a_minute:.1f} a minute")
            kinds = ", ".join(f"{number} {what}" for what, number in sorted(asked.items()))
            least = a_minute / count
            rows.append((count, f"{a_minute:.1f}", f"{least:.3f}", kinds or "none"))
        show(
            f"Requests of idle Canaries (Flagger 1.44: {PEER} a minute for one)",
            ("Canaries", "a minute", "a minute and Canary", f"in {WATCHED:.0f} s"),
            rows,
        )
        took, asked = await release(on)
        per = [(what, number) for what, number in asked.most_common()]
        show(
            f"One release, three weights, interval 10 s: {asked.total()} requests in {took:.0f} s",
            ("request", "times"),
            per,
        )
    return judged(least <= 0.1, f"1,000 idle Canaries ≤ 0.1 a minute each: {least:.3f}")


def main() -> bool:
    logs.configure("WARNING")
    return asyncio.run(measure())


if __name__ == "__main__":
    sys.exit(not main())
