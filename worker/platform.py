"""What a worker of the local platform registers: implementations wired to one home.

Called by `worker.app`; the tests of the real stack run exactly this.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Interceptor

from activities.alerts.engine import AlertEngine, open_alert_client
from activities.alerts.looking import RunLooks
from activities.analysis.observe import Instruments, Observer
from activities.hooking.caller import open_hook_caller
from activities.hooking.calls import HookCalls
from activities.hooking.events import EventCalls
from activities.local.home import Home
from activities.local.platform import LocalPlatform
from activities.local.secrets import SecretFolder
from activities.metrics.engine import MetricsEngine
from activities.metrics.local import CanaryState, LocalMetrics, Sides
from activities.metrics.scraper import Scraper
from activities.routing.traefik_file import PROVIDER, apex
from worker.delivering import Deliveries
from worker.settings import Settings
from worker.stack import ports, programs
from workflows.model.identity import Slot
from workflows.model.plan import Traffic


@dataclass(frozen=True)
class Platform:
    """The activities of one cluster; `observe` is served from a queue of its own."""

    activities: Sequence[Callable[..., object]]
    observe: Callable[..., object]
    interceptors: Sequence[Interceptor] = ()
    announcing: Sequence[Callable[..., object]] = ()
    """What meets receivers that may be slow or dead; served from a queue of its own."""
    counting: Sequence[Interceptor] = ()
    """Around all of these."""

    def and_also(self, *activities: Callable[..., object]) -> "Platform":
        """The same with activities that are the same on every platform."""
        return replace(self, activities=(*self.activities, *activities))


@asynccontextmanager
async def open_local(settings: Settings, client: Client) -> AsyncGenerator[Platform]:
    """Wire the local platform; its processes and proxy outlive this block."""
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        open_hook_caller() as hooks,
        open_alert_client() as receivers,
    ):
        local = local_platform(settings, http)
        scraper = Scraper(http, local.proxy.metrics_url)
        secrets = SecretFolder(local.home).read
        metrics = LocalMetrics(scraper, MetricsEngine(http, secrets), names, canaries(local))
        alerts = AlertEngine(receivers, secrets, RunLooks(client), settings.url)
        routing = local.routing()
        observer = Observer(Instruments(routing, metrics, hooks, metrics))
        calls = HookCalls(hooks)
        workload = local.workload()
        planning = local.planning(running(client), settings.event_webhook)
        # Looked at all the time: the guard wants to know two minutes of before.
        async with scraper.subscribed():
            yield Platform(
                activities=(
                    planning.prepare,
                    planning.look,
                    planning.close,
                    planning.find_orphans,
                    workload.start_canary,
                    workload.promote,
                    workload.stop_canary,
                    workload.adopt,
                    workload.release,
                    routing.ensure,
                    calls.call,
                    calls.undo,
                    Deliveries(client, planning.look).carry_out,
                ),
                observe=observer.observe,
                announcing=(alerts.send, alerts.look, EventCalls(hooks).event),
            )


def local_platform(settings: Settings, http: httpx.AsyncClient) -> LocalPlatform:
    """The parts of the home of these settings, for the worker and for `serinus reset`."""
    known = ports.claim(settings.home, usual=settings.usual_ports)
    return LocalPlatform(Home(settings.home), http, known.proxy, programs.require("traefik"))


def names(slot: Slot, traffic: Traffic) -> Sides:
    """The services of a slot as Traefik's metrics label them."""
    name = apex(slot.namespace, traffic.service)
    return Sides(primary=f"{name}-primary{PROVIDER}", canary=f"{name}-canary{PROVIDER}")


def canaries(local: LocalPlatform) -> Callable[[Slot], Awaitable[CanaryState]]:
    """Since when the canary runs, and how many of its processes are ready."""

    async def canary_of(slot: Slot) -> CanaryState:
        canary = (await local.store.read(slot)).canary
        if canary is None:
            return CanaryState()
        try:
            ready = await local.readiness.recent_count(slot, canary)
        except ApplicationError:
            # Nobody could say; that is not the canary's fault.
            return CanaryState(started=canary.started_at)
        return CanaryState(ready=ready, started=canary.started_at)

    return canary_of


def running(client: Client) -> Callable[[str, str], Awaitable[bool]]:
    """Whether one run of a workflow is running, asked of Temporal itself."""

    async def is_running(workflow_id: str, run_id: str) -> bool:
        handle = client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            described = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return described.status is WorkflowExecutionStatus.RUNNING

    return is_running
