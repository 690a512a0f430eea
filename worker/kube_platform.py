"""What a worker of a Kubernetes cluster registers: implementations wired to its API server.

Called by `worker.app`; the tests of the real cluster run exactly this.
"""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import httpx
from prometheus_client import CollectorRegistry
from temporalio.client import Client

from activities.alerts.engine import AlertEngine, open_alert_client
from activities.alerts.looking import RunLooks
from activities.analysis.observe import Instruments, Observer
from activities.hooking.caller import HookCaller, open_hook_caller
from activities.hooking.calls import HookCalls
from activities.hooking.events import EventCalls
from activities.kube.api import KubeApi
from activities.kube.connect import open_cluster
from activities.kube.planning import KubePlanning
from activities.kube.sources import PlanningSettings
from activities.kube.store import KubeStore
from activities.metrics.kube import KubeMetrics, KubeMetricsSettings
from activities.metrics.kube_secrets import KubeSecrets
from activities.reporting.counters import RunCounters
from activities.reporting.reporter import KubeReporter
from activities.routing.kube import KubeRouting
from activities.workload.kube import KubeWorkload, parts_of
from activities.workload.needs import WorkloadSettings
from activities.workload.selector import selector_label
from worker.controller.settings import ClusterSettings
from worker.delivering import Deliveries
from worker.platform import Platform, running
from worker.settings import Settings
from worker.telling import Telling, ToldRoutes


@asynccontextmanager
async def open_kubernetes(
    settings: Settings, cluster: ClusterSettings, client: Client, counters: CollectorRegistry
) -> AsyncGenerator[Platform]:
    """Wire the platform of one cluster; nothing of it lives longer than this block."""
    async with (
        open_cluster(cluster.kubeconfig, cluster.context or None) as api,
        httpx.AsyncClient() as http,
        open_hook_caller() as hooks,
        open_alert_client() as receivers,
    ):
        reporter = KubeReporter(api, RunCounters(counters), socket.gethostname())
        platform = KubePlatform(settings, cluster, client, api, reporter)
        yield platform.with_network(http, hooks, receivers)


class KubePlatform:
    """The parts of one cluster; owns nothing that must be closed."""

    def __init__(
        self,
        settings: Settings,
        cluster: ClusterSettings,
        client: Client,
        api: KubeApi,
        reporter: KubeReporter,
    ) -> None:
        self._api = api
        self._client = client
        self._cluster = cluster
        self._page = settings.url
        self.store = KubeStore(api, settings.cluster)
        self.reporter = reporter
        self.routing = KubeRouting(api, self.store, default=cluster.mesh_provider)
        self.workload = KubeWorkload(
            parts_of(api, workload_settings(cluster)),
            self.store,
            self.routing.ensure,
            self.routing.undo,
        )
        self.planning = KubePlanning(
            api, self.store, _planning_settings(settings, cluster), reporter, running(client)
        )

    def with_network(
        self, http: httpx.AsyncClient, hooks: HookCaller, receivers: httpx.AsyncClient
    ) -> Platform:
        """What the worker registers; `http` asks metric providers and pods."""
        metrics = KubeMetrics(self._api, http, _metrics_settings(self._cluster))
        routes = ToldRoutes(self.routing, self.reporter)
        observer = Observer(Instruments(routes, metrics, hooks, metrics, routes.ticked))
        calls = HookCalls(hooks)
        looks = RunLooks(self._client)
        alerts = AlertEngine(receivers, KubeSecrets(self._api), looks, self._page)
        return Platform(
            activities=(
                self.planning.prepare,
                self.planning.look,
                self.planning.close,
                self.planning.find_orphans,
                self.workload.start_canary,
                self.workload.promote,
                self.workload.stop_canary,
                self.workload.adopt,
                self.workload.release,
                self.routing.ensure,
                calls.call,
                calls.undo,
                Deliveries(self._client, self.planning.look).carry_out,
            ),
            observe=observer.observe,
            interceptors=(Telling(self.reporter),),
            announcing=(alerts.send, alerts.look, EventCalls(hooks).event),
        )


def _planning_settings(settings: Settings, cluster: ClusterSettings) -> PlanningSettings:
    return PlanningSettings(
        event_webhook=settings.event_webhook,
        default_provider=cluster.mesh_provider,
        metrics_server=cluster.metrics_server,
        interval_floor=cluster.interval_floor,
        no_cross_namespace_refs=cluster.no_cross_namespace_refs,
        config_tracking=cluster.config_tracking,
        namespaces=cluster.namespaces,
        selector_label=partial(selector_label, keys=cluster.selector_labels),
    )


def workload_settings(cluster: ClusterSettings) -> WorkloadSettings:
    return WorkloadSettings(
        selector_labels=cluster.selector_labels,
        label_prefixes=cluster.include_label_prefixes,
        config_tracking=cluster.config_tracking,
        drain=cluster.drain,
    )


def _metrics_settings(cluster: ClusterSettings) -> KubeMetricsSettings:
    return KubeMetricsSettings(
        metrics_server=cluster.metrics_server, router_metrics=cluster.router_metrics
    )
