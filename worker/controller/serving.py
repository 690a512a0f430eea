"""The controller process: a cluster, Temporal, and the controller between them.

Called by `serinus controller`. While one of the two does not answer, nothing is lost: what is to
be triggered follows from what the cluster holds.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from activities.kube.connect import open_cluster
from activities.reporting.gauges import CanaryGauges
from worker.connection import connect
from worker.controller.pages import pages, served
from worker.controller.running import Controller, running, submitting
from worker.controller.settings import ClusterSettings
from worker.settings import Settings

FIRST_CONNECTION = 3_600.0
"""Seconds to wait for Temporal at the start; afterwards its client connects again by itself."""


async def run_controller(settings: Settings, cluster: ClusterSettings, stop: asyncio.Event) -> None:
    """Watch and trigger until `stop` is set."""
    client = await connect(settings, patience=FIRST_CONNECTION)
    async with (
        open_cluster(cluster.kubeconfig, cluster.context or None) as api,
        running(api, submitting(client), settings.cluster, cluster) as controller,
        _served(controller, cluster),
    ):
        await stop.wait()


@asynccontextmanager
async def _served(controller: Controller, cluster: ClusterSettings) -> AsyncGenerator[None]:
    if not cluster.controller_port:
        yield
        return
    registry = CollectorRegistry()
    registry.register(
        CanaryGauges(
            lambda: controller.catalogue.canaries, version("serinus"), cluster.mesh_provider
        )
    )
    app = pages(registry, lambda: controller.watches.started)
    async with served(app, cluster.controller_port):
        yield
