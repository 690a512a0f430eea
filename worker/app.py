"""The worker process: everything wired together, once.

Called by `serinus worker`. One process serves all queues of its cluster; observations have a
queue, and so slots, of their own.
"""

import asyncio
import gc
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import timedelta
from importlib.metadata import version

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import PollerBehaviorAutoscaling, Worker, WorkerDeploymentConfig

from activities.analysis.observe import HEARTBEAT_THROTTLE
from activities.audit.appending import open_auditing
from activities.vouching import SealVouching
from worker.connection import connect
from worker.platform import Platform, open_local
from worker.plugin import rollouts_plugin
from worker.records import terminated_record
from worker.registration import register_search_attributes, schedule_janitor
from worker.rollouts import QUEUE
from worker.settings import Settings
from worker.telemetry import WORKER, open_telemetry
from worker.tolling import counted
from workflows.perform import observe_queue_of, queue_of
from workflows.telling.lanes import announce_queue_of

CONCURRENT_OBSERVATIONS = 4_000
CONCURRENT_ACTIVITIES = 200
CONCURRENT_ALERTS = 1_000
GRACE = timedelta(seconds=10)
THROTTLE = timedelta(seconds=1)
STICKY = timedelta(seconds=10)
COLLECT = (50_000, 20, 50)
"""Thresholds of the garbage collector.

Every rollout in the cache is some ten thousand objects. With Python's own thresholds each burst of
ticks walks all of them, which for two thousand rollouts stops the event loop for seconds.
"""
# Said aloud: by default the SDK reads and hashes every module that is loaded, for a second.
BUILD = WorkerDeploymentConfig(
    version=WorkerDeploymentVersion(deployment_name="serinus", build_id=version("serinus")),
    use_worker_versioning=False,
)


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then hand long activities to the next worker."""
    if settings.platform == "kubernetes":
        # A worker of this machine need not wait for a Kubernetes client to be loaded.
        from worker.kube_worker import run_kubernetes_worker  # noqa: PLC0415

        await run_kubernetes_worker(settings, stop)
    else:
        async with open_telemetry(settings, WORKER, address=settings.metrics_worker) as told:
            client = await connect(settings, wiring=told.wiring)
            opening = counted(open_local(settings, client), client, told.registry)
            await serve(client, settings, opening, stop)


async def serve(
    client: Client,
    settings: Settings,
    opening: AbstractAsyncContextManager[Platform],
    stop: asyncio.Event,
    serving: Callable[[], None] = lambda: None,
) -> None:
    """Serve one platform until `stop` is set; `serving` is called when all workers poll."""
    await register_search_attributes(client)
    await schedule_janitor(client, settings.cluster, QUEUE)
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(opening)
        audited = open_auditing(settings.audit_path, terminated_record(client))
        auditing = await stack.enter_async_context(audited)
        vouching = SealVouching(settings.seal_key_path)
        platform = platform.and_also(auditing.append, auditing.terminated, vouching.vouch)
        collect_rarely()
        for worker in workers(client, settings, platform):
            await stack.enter_async_context(worker)
        serving()
        await stop.wait()


def collect_rarely() -> None:
    """Tell the garbage collector what this process is like; once, when all is imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)


def workers(client: Client, settings: Settings, platform: Platform) -> Sequence[Worker]:
    """The workers of a process: workflows, activities, observations, alerts."""
    others = (announcing_worker(client, settings, platform),) if platform.announcing else ()
    plugin = rollouts_plugin()
    pollers = PollerBehaviorAutoscaling()
    return (
        Worker(
            client,
            task_queue=QUEUE,
            plugins=[plugin],
            deployment_config=BUILD,
            max_cached_workflows=settings.max_cached_workflows,
            workflow_task_poller_behavior=pollers,
            sticky_queue_schedule_to_start_timeout=STICKY,
        ),
        Worker(
            client,
            task_queue=queue_of(settings.cluster),
            activities=platform.activities,
            deployment_config=BUILD,
            interceptors=(*platform.interceptors, *platform.counting),
            max_concurrent_activities=CONCURRENT_ACTIVITIES,
            activity_task_poller_behavior=pollers,
            graceful_shutdown_timeout=GRACE,
            max_heartbeat_throttle_interval=THROTTLE,
            default_heartbeat_throttle_interval=THROTTLE,
        ),
        observing_worker(client, settings, platform),
        *others,
    )


def announcing_worker(client: Client, settings: Settings, platform: Platform) -> Worker:
    """Receivers that hang hold slots of their own, and none that a rollout waits for."""
    return Worker(
        client,
        task_queue=announce_queue_of(settings.cluster),
        activities=platform.announcing,
        deployment_config=BUILD,
        interceptors=platform.counting,
        max_concurrent_activities=CONCURRENT_ALERTS,
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=GRACE,
    )


def observing_worker(client: Client, settings: Settings, platform: Platform) -> Worker:
    """Its heartbeats are never held back: a completed tick must be known before the next begins."""
    return Worker(
        client,
        task_queue=observe_queue_of(settings.cluster),
        activities=[platform.observe],
        deployment_config=BUILD,
        interceptors=(*platform.interceptors, *platform.counting),
        max_concurrent_activities=CONCURRENT_OBSERVATIONS,
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=GRACE,
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
    )
