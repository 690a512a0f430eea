"""`Workload` on this machine: activities over the copies of a target.

Each heartbeats while it waits and hands over at once when its worker stops. What they do stands in
`activities.local.canary` and `activities.local.primary`.
"""

import asyncio
from collections.abc import Coroutine

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.attending import attended
from activities.local.canary import CanaryCopies
from activities.local.manifests import ManifestFolder
from activities.local.primary import PrimaryCopies
from activities.local.state import TargetStore
from activities.local.threads import in_thread
from workflows.contracts import Workload
from workflows.errors import Reason, reason_of
from workflows.model.canary import Canary
from workflows.model.identity import Fence, Slot
from workflows.model.process import Process
from workflows.model.requests import (
    AdoptTarget,
    PromoteTarget,
    ReleaseTarget,
    SlotWrite,
    StartCanary,
    StopCanary,
)


class LocalWorkload(Workload):
    """Called by the rollout, one activity a step."""

    def __init__(
        self,
        store: TargetStore,
        canary: CanaryCopies,
        primary: PrimaryCopies,
        manifests: ManifestFolder,
    ) -> None:
        self._store = store
        self._canary = canary
        self._primary = primary
        self._manifests = manifests

    @activity.defn(name="workload.start_canary")
    async def start_canary(self, request: StartCanary) -> None:
        """`ProgressDeadlineExceeded` when it is not ready in time."""
        await attended(self._canary.start(request), request.fence)

    @activity.defn(name="workload.promote")
    async def promote(self, request: PromoteTarget) -> None:
        """`ProgressDeadlineExceeded` when the new primary is not ready; the old one then stays."""
        await self._or_withdraw(self._primary.promote(request), request)

    @activity.defn(name="workload.stop_canary")
    async def stop_canary(self, request: StopCanary) -> None:
        """`PrimaryNotReady` (retryable) while the canary is the only serving copy."""
        await attended(self._canary.stop(request.slot, request.fence), request.fence)

    @activity.defn(name="workload.adopt")
    async def adopt(self, request: AdoptTarget) -> None:
        """Bootstrap; safe to call again."""
        await self._or_withdraw(self._primary.adopt(request), request)

    @activity.defn(name="workload.release")
    async def release(self, request: ReleaseTarget) -> None:
        """The primary serves on without its Canary; a Process without one goes altogether."""
        await attended(self._release(request.slot, request.fence), request.fence)

    async def _release(self, slot: Slot, fence: Fence) -> None:
        claim = (await self._store.read(slot)).claim
        if claim is not None and claim.plain:
            await self._primary.remove(slot, fence)
            await in_thread(self._manifests.delete, Process, slot.namespace, slot.name)
            return
        await self._canary.stop(slot, fence)
        await in_thread(self._manifests.delete, Canary, slot.namespace, slot.name)

    async def _or_withdraw(self, work: Coroutine[object, object, None], request: SlotWrite) -> None:
        """What did not take over does not stay, unless the next worker goes on with it."""
        try:
            await attended(work, request.fence)
        except asyncio.CancelledError:
            if not activity.is_worker_shutdown():
                await self._withdraw(request)
            raise
        except ApplicationError as error:
            if reason_of(error) is Reason.PROGRESS_DEADLINE:
                await self._withdraw(request)
            raise

    async def _withdraw(self, request: SlotWrite) -> None:
        try:
            await self._primary.withdraw(request.slot, request.fence)
        except ApplicationError as error:
            # Whoever came first stops it too; the caller has its own reason to tell.
            activity.logger.warning("promotion.not_withdrawn", extra={"why": error.message})
