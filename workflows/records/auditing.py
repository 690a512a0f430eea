"""A rollout's way to the audit log: in the background while it runs, for certain at its end.

Owned by `workflows.rollout`. What people say, and a restore, is written at once, but traffic comes
first; the whole record is written when the run is over. A log that cannot be written stops no
rollout: entries wait, and what is left of them at the end goes to a workflow of its own, which
tries for as long as it takes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError
from temporalio.workflow import ActivityCancellationType, ParentClosePolicy

from workflows import policies
from workflows.contracts import Auditing
from workflows.model.audit import AuditLines, Late, TerminatedRun
from workflows.model.identity import Slot
from workflows.model.requests import Outcome
from workflows.perform import Method, queue_of
from workflows.records.recording import with_line
from workflows.run_record import RunRecord

C = TypeVar("C")
R = TypeVar("R")
LATE = "LateAudit"
"""`workflows.records.late_audit` by its name: a rollout need not load it."""


@dataclass
class Auditor:
    """Writes the unwritten entries of a run, oldest first; `held` while traffic comes first."""

    run: RunRecord
    held: Callable[[], bool]
    _writing: asyncio.Task[None] | None = None

    def follow(self) -> None:
        """Write entries as they come, until `finish`."""
        self._writing = asyncio.create_task(self._write())

    async def finish(self, outcome: Outcome) -> None:
        """Write what is left, and the record; if the log is down, `LateAudit` will."""
        await self._stop()
        run = self.run
        run.pages = with_line(run.pages, run.slot, run.run_id, run.record(outcome))
        lines = AuditLines(entries=run.pages.unwritten)
        try:
            summary = "append the decision record to the audit log"
            await _within_patience(Auditing.append, lines, run.slot, summary)
        except ActivityError:
            await _leave_to_late_audit(run.run_id, Late(slot=run.slot, lines=lines))
        self._written(len(lines.entries))

    async def _write(self) -> None:
        run = self.run
        while True:
            await workflow.wait_condition(lambda: bool(run.pages.unwritten) and not self.held())
            lines = AuditLines(entries=run.pages.unwritten)
            await _without_end(Auditing.append, lines, run.slot)
            self._written(len(lines.entries))

    def _written(self, number: int) -> None:
        pages = self.run.pages
        self.run.pages = pages.model_copy(update={"unwritten": pages.unwritten[number:]})

    async def _stop(self) -> None:
        task, self._writing = self._writing, None
        if task is not None:
            task.cancel()
            await workflow.wait([task])


async def keep_terminated(run: TerminatedRun) -> None:
    """Write what is known of a run that was ended from outside; if the log is down, later."""
    try:
        await _within_patience(
            Auditing.terminated, run, run.slot, "keep what a terminated run knew"
        )
    except ActivityError:
        await _leave_to_late_audit(f"{run.run_id}/terminated", Late(slot=run.slot, run=run))


async def until_written(late: Late) -> None:
    """Tried without end; who waits for it has time."""
    if late.lines is not None:
        await _without_end(Auditing.append, late.lines, late.slot)
    if late.run is not None:
        await _without_end(Auditing.terminated, late.run, late.slot)


async def _within_patience(
    method: Method[C, R, None], request: R, slot: Slot, summary: str
) -> None:
    """For as long as an end may be held up by it; ActivityError after that."""
    await workflow.execute_activity_method(
        method,
        request,
        task_queue=queue_of(slot.cluster),
        schedule_to_close_timeout=policies.AUDIT_PATIENCE,
        start_to_close_timeout=policies.WRITE_TIMEOUT,
        retry_policy=policies.WRITE_RETRY,
        priority=policies.LAST,
        summary=summary,
    )


async def _without_end(method: Method[C, R, None], request: R, slot: Slot) -> None:
    await workflow.execute_activity_method(
        method,
        request,
        task_queue=queue_of(slot.cluster),
        start_to_close_timeout=policies.WRITE_TIMEOUT,
        retry_policy=policies.AUDIT_RETRY,
        cancellation_type=ActivityCancellationType.TRY_CANCEL,
        priority=policies.LAST,
        summary="append to the audit log",
    )


async def _leave_to_late_audit(name: str, late: Late) -> None:
    """Start the workflow that writes it when the log can be written again."""
    slot = late.slot
    workflow.logger.error("audit.late", extra={"slot": slot.key, "run": name})
    try:
        await workflow.start_child_workflow(
            LATE,
            late,
            id=f"audit/{slot.cluster}/{slot.namespace}/{slot.name}/{name}",
            parent_close_policy=ParentClosePolicy.ABANDON,
            static_summary=f"the audit log cannot be written: {slot.key} waits",
        )
    except WorkflowAlreadyStartedError:
        workflow.logger.warning("audit.late.already", extra={"slot": slot.key})
