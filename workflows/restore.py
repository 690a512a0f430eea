"""Give traffic back to the primary: the one compensation of a rollout.

Desired state, safe to run twice, retried without end and before all other work. Then the user's
own undo hooks run in reverse order, each until it answers or a person skips it by name. Used by
the run itself, and by the `Restore` workflow for runs that were terminated.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType

from workflows import policies
from workflows.contracts import Hooking, Routing, Workload
from workflows.model.identity import Fence, Slot
from workflows.model.plan import ALL_PRIMARY, Plan, PlanKind, UndoHook
from workflows.model.requests import CallUndo, EnsureRoutes, StopCanary
from workflows.perform import overtaken, queue_of


@dataclass
class Restorer:
    """Restores one slot; `skipped` grows while people give up undo hooks."""

    slot: Slot
    fence: Callable[[], Fence]
    skipped: set[str] = field(default_factory=set[str])
    routed: bool = False
    """Whether users are with the primary again; other work of the run waits for it."""

    async def restore(self, plan: Plan, undo: tuple[UndoHook, ...]) -> None:
        """All traffic to the primary, the canary stopped, the undo hooks called."""
        if plan.kind is PlanKind.RELEASE:
            await self._until_done(lambda: self._routes(plan))
            self.routed = True
            await self._until_done(lambda: self._stop(plan))
        for hook in undo:
            await self._undo(plan, hook)

    async def _until_done(self, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await act()
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                if overtaken(error):
                    workflow.logger.warning("restore.overtaken", extra={"slot": self.slot.key})
                    return None
                workflow.logger.error("restore.failed", extra={"slot": self.slot.key})
                await workflow.sleep(policies.RESTORE_PAUSE, summary="before restoring again")

    async def _routes(self, plan: Plan) -> None:
        await workflow.execute_activity_method(
            Routing.ensure,
            EnsureRoutes(
                slot=self.slot,
                fence=self.fence(),
                revision=plan.revision,
                traffic=plan.traffic,
                routes=ALL_PRIMARY,
                step="restore",
            ),
            task_queue=queue_of(self.slot.cluster),
            start_to_close_timeout=policies.WRITE_TIMEOUT,
            retry_policy=policies.RESTORE_RETRY,
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            priority=policies.FIRST,
            summary="restore: all traffic to the primary",
        )

    async def _stop(self, plan: Plan) -> None:
        await workflow.execute_activity_method(
            Workload.stop_canary,
            StopCanary(slot=self.slot, fence=self.fence(), revision=plan.revision),
            task_queue=queue_of(self.slot.cluster),
            start_to_close_timeout=policies.STOP_TIMEOUT,
            heartbeat_timeout=policies.ATTENDED_HEARTBEAT,
            retry_policy=policies.RESTORE_RETRY,
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            priority=policies.FIRST,
            summary="restore: stop the canary",
        )

    async def _undo(self, plan: Plan, hook: UndoHook) -> None:
        if hook.name in self.skipped:
            return
        task = asyncio.create_task(self._until_done(lambda: self._call(plan, hook)))
        await workflow.wait_condition(lambda: task.done() or hook.name in self.skipped)
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=hook.name in self.skipped)

    async def _call(self, plan: Plan, hook: UndoHook) -> None:
        await workflow.execute_activity_method(
            Hooking.undo,
            CallUndo(
                slot=self.slot,
                fence=self.fence(),
                revision=plan.revision,
                undo=hook,
                checksum=plan.checksum,
            ),
            task_queue=queue_of(self.slot.cluster),
            start_to_close_timeout=timedelta(seconds=hook.timeout) + policies.UNDO_GRACE,
            retry_policy=policies.UNDO_RETRY,
            priority=policies.FIRST,
            summary=f"undo: {hook.name}",
        )


async def uninterrupted(work: Coroutine[object, object, None]) -> None:
    """Finish `work` even if the workflow is cancelled meanwhile; a restore is never half done."""
    task = asyncio.create_task(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    task.result()
