"""Restores what a terminated rollout left behind; the `Janitor` runs on a Schedule."""

from typing import Annotated

from pydantic import Field
from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from workflows import policies
    from workflows.contracts import Planning
    from workflows.errors import Reason
    from workflows.fences import Fences
    from workflows.model.audit import TerminatedRun
    from workflows.model.decisions import SkipUndo
    from workflows.model.requests import CloseRun, Orphan, Outcome
    from workflows.model.value import Value
    from workflows.perform import Performer, queue_of
    from workflows.records.auditing import keep_terminated
    from workflows.restore import Restorer, uninterrupted
    from workflows.telling.alerting import tells, terminated
    from workflows.telling.announcements import Announcements


class JanitorInput(Value):
    """Which cluster to look after."""

    cluster: Annotated[str, Field(min_length=1)] = "local"


@workflow.defn(name="Restore")
class Restore:
    """Gives one slot's traffic back after its rollout was terminated."""

    @workflow.init
    def __init__(self, orphan: Orphan) -> None:
        self._orphan = orphan
        self._fence = Fences()
        self._skipped: set[str] = set()

    @workflow.run
    async def run(self, orphan: Orphan) -> None:
        """Restore, then keep the outcome; cancelling it changes nothing."""
        await uninterrupted(self._restore(orphan))

    async def _restore(self, orphan: Orphan) -> None:
        started_at = workflow.now().timestamp()
        await Restorer(orphan.slot, self._fence, self._skipped).restore(orphan.plan, orphan.owed)
        await Performer(orphan.slot, self._fence).close(
            CloseRun(
                slot=orphan.slot,
                fence=self._fence(),
                revision=orphan.plan.revision,
                outcome=Outcome.ROLLED_BACK,
                reason=Reason.TERMINATED,
                message=f"run {orphan.run_id} ended without restoring; the janitor restored",
                started_at=started_at,
                ended_at=workflow.now().timestamp(),
            )
        )
        await self._tell(orphan)
        why = "the run was terminated; the janitor restored"
        at = workflow.now().timestamp()
        run = TerminatedRun(slot=orphan.slot, run_id=orphan.run_id, at=at, message=why)
        await keep_terminated(run)

    async def _tell(self, orphan: Orphan) -> None:
        """The announcer of the terminated run goes on, or one begins; nobody else can say it."""
        if not tells(orphan.plan):
            return
        why = "its workflow was terminated; the janitor restored"
        at = workflow.now().timestamp()
        announcements = Announcements(orphan.slot, orphan.run_id, started=True)
        said = terminated(orphan.plan, orphan.slot, orphan.run_id, why, at)
        announcements.say(orphan.plan, said)
        await announcements.taken()

    @workflow.update(description='Give up an undo hook. Data: {"by": "ana", "undo": "<name>"}')
    def skip(self, order: SkipUndo = SkipUndo()) -> None:
        """Give up one undo hook by name."""
        self._skipped.add(order.undo)


@workflow.defn(name="Janitor")
class Janitor:
    """Finds slots whose rollout ended without restoring, and starts a `Restore` for each."""

    @workflow.run
    async def run(self, look: JanitorInput) -> int:
        """Answers how many restores it started."""
        found = await workflow.execute_activity_method(
            Planning.find_orphans,
            task_queue=queue_of(look.cluster),
            start_to_close_timeout=policies.READ_TIMEOUT,
            retry_policy=policies.READ_RETRY,
            summary="find slots whose rollout is gone",
        )
        started = 0
        for orphan in found.orphans:
            started += await self._restore(orphan)
        return started

    async def _restore(self, orphan: Orphan) -> int:
        try:
            await workflow.start_child_workflow(
                Restore.run,
                orphan,
                id=orphan.slot.restore_id,
                parent_close_policy=ParentClosePolicy.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=f"restore {orphan.slot.key}",
            )
        except WorkflowAlreadyStartedError:
            return 0
        return 1
