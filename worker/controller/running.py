"""A running controller: watches, a queue, attendants. Keeps nothing that a restart would lose.

Made by `serinus controller` with a real cluster and Temporal, by tests with ones in memory. Any
number may run at once: all see the same, and a trigger counts once by its id.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client

from activities.kube.api import KubeApi
from worker import rollouts
from worker.applying import Trigger
from worker.controller.attending import Attendant, Rollouts
from worker.controller.catalogue import Catalogue
from worker.controller.deciding import Terms
from worker.controller.queue import FIRST_PAUSE, SlotQueue
from worker.controller.settings import ClusterSettings
from worker.controller.watching import Pause, Watches
from workflows.model import decisions
from workflows.model.identity import Slot
from workflows.model.status import Verb

ATTENDANTS = 32
BY = "controller"


@dataclass(frozen=True)
class Controller:
    """What can be asked of a running controller."""

    catalogue: Catalogue
    queue: SlotQueue
    watches: Watches


@dataclass(frozen=True)
class Waits:
    """How long a slot that failed waits at first, and what a watch that was refused does."""

    first_retry: float = FIRST_PAUSE
    pause: Pause = asyncio.sleep


@asynccontextmanager
async def running(
    api: KubeApi,
    told: Rollouts,
    cluster: str,
    settings: ClusterSettings,
    waits: Waits = Waits(),
) -> AsyncGenerator[Controller]:
    """Watch and trigger for the length of the block."""
    queue = SlotQueue(waits.first_retry)
    catalogue = Catalogue(cluster, config_tracking=settings.config_tracking)
    watches = Watches(api, catalogue, queue, settings.namespaces, waits.pause)
    attendant = Attendant(api, catalogue, watches, told, terms(settings))
    tasks = [
        asyncio.create_task(watches.run(), name="watches"),
        *(asyncio.create_task(queue.attend(attendant.look)) for _ in range(ATTENDANTS)),
    ]
    try:
        async with _failing_with(tasks):
            yield Controller(catalogue, queue, watches)
    finally:
        queue.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def terms(settings: ClusterSettings) -> Terms:
    return Terms(
        no_cross_namespace_refs=settings.no_cross_namespace_refs,
        default_provider=settings.mesh_provider,
    )


@dataclass(frozen=True)
class TemporalRollouts:
    """The rollouts of a Temporal namespace."""

    client: Client

    async def submit(self, trigger: Trigger) -> None:
        order = decisions.Submit(by=BY, action=trigger.action, revision=trigger.revision)
        await rollouts.submit(self.client, trigger.slot, order, trigger.id)

    async def order(self, slot: Slot, verb: Verb) -> None:
        order = decisions.Order(by=BY, reason=f"spec.suspend of the Canary: {verb}")
        await rollouts.tell(self.client, slot, verb, order)


@asynccontextmanager
async def _failing_with(tasks: Sequence[asyncio.Task[None]]) -> AsyncGenerator[None]:
    """End the block when a task does: none of them ever should."""
    block = asyncio.current_task()

    def end(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and block is not None:
            failed.append(task)
            block.cancel("a part of the controller ended")

    failed: list[asyncio.Task[None]] = []
    for task in tasks:
        task.add_done_callback(end)
    try:
        yield
    except asyncio.CancelledError:
        if failed and (error := failed[0].exception()) is not None:
            raise error from None
        raise
    finally:
        for task in tasks:
            task.remove_done_callback(end)
