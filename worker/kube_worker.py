"""A worker of a Kubernetes cluster: its platform, Temporal, and the pages that its pod answers.

Run by `worker.app` where SERINUS_PLATFORM is `kubernetes`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from worker.app import serve
from worker.connection import connect_unless
from worker.controller.settings import load_cluster
from worker.kube_platform import open_kubernetes
from worker.pages import pages, served
from worker.settings import Settings
from worker.telemetry import WORKER, open_telemetry
from worker.tolling import counted

FIRST_CONNECTION = 3_600.0
"""Seconds to wait for Temporal at the start; a pod that ended instead would be restarted late."""
SETTING = "SERINUS_WORKER_PORT"


async def run_kubernetes_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; alive at once, ready while rollouts can be served."""
    cluster = load_cluster()
    counters = CollectorRegistry()
    polling = asyncio.Event()

    def is_ready() -> bool:
        return polling.is_set() and not stop.is_set()

    async with (
        _served(counters, is_ready, cluster.worker_port),
        open_telemetry(settings, WORKER, registry=counters) as told,
    ):
        patience = FIRST_CONNECTION
        client = await connect_unless(stop, settings, patience=patience, wiring=told.wiring)
        if client is not None:
            opening = open_kubernetes(settings, cluster, client, counters)
            measured = counted(opening, client, counters)
            await serve(client, settings, measured, stop, polling.set)


@asynccontextmanager
async def _served(
    counters: CollectorRegistry, is_ready: Callable[[], bool], port: int
) -> AsyncGenerator[None]:
    if not port:
        yield
        return
    async with served(pages(counters, is_ready, "no rollouts are served"), port, SETTING):
        yield
