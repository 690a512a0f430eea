"""The controller process: a cluster, Temporal, and the controller between them.

Called by `serinus controller`. While one of the two does not answer, nothing is lost: what is to
be triggered follows from what the cluster holds.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from activities.kube.connect import open_cluster
from activities.kube.objects import KubeObject
from activities.reporting.gauges import CanaryGauges
from worker.connection import connect_unless
from worker.controller.running import Controller, TemporalRollouts, running
from worker.controller.settings import ClusterSettings
from worker.pages import pages, served
from worker.settings import Settings
from worker.telemetry import CONTROLLER, open_telemetry

FIRST_CONNECTION = 3_600.0
"""Seconds to wait for Temporal at the start; afterwards its client connects again by itself."""


@dataclass
class _Known:
    """What the pages tell of: no controller, while Temporal is waited for."""

    controller: Controller | None = None

    def is_ready(self) -> bool:
        return self.controller is not None and self.controller.watches.started

    def canaries(self) -> Iterable[KubeObject]:
        return self.controller.catalogue.canaries if self.controller else ()


async def run_controller(settings: Settings, cluster: ClusterSettings, stop: asyncio.Event) -> None:
    """Watch and trigger until `stop` is set."""
    known = _Known()
    registry = CollectorRegistry()
    async with (
        _served(known, cluster, registry),
        open_telemetry(settings, CONTROLLER, registry=registry) as told,
    ):
        patience = FIRST_CONNECTION
        client = await connect_unless(stop, settings, patience=patience, wiring=told.wiring)
        if client is None:
            return
        async with (
            open_cluster(cluster.kubeconfig, cluster.context or None) as api,
            running(api, TemporalRollouts(client), settings.cluster, cluster) as known.controller,
        ):
            await stop.wait()


@asynccontextmanager
async def _served(
    known: _Known, cluster: ClusterSettings, registry: CollectorRegistry
) -> AsyncGenerator[None]:
    if not cluster.controller_port:
        yield
        return
    registry.register(CanaryGauges(known.canaries, version("serinus"), cluster.mesh_provider))
    app = pages(registry, known.is_ready, "the Canaries are not known yet")
    async with served(app, cluster.controller_port, "SERINUS_CONTROLLER_PORT"):
        yield
