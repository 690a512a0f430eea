"""`Auditing`: a rollout's entries on their way into the audit log.

Wired by `worker.audit`. One thread of its own writes: a slow or locked disk keeps nobody waiting
who gives traffic back.
"""

import asyncio
import errno
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio import activity

from activities.audit.log import AuditLog
from workflows.contracts import Auditing
from workflows.errors import Reason, failure
from workflows.model.audit import AuditEntry, AuditKind, AuditLines, TerminatedRun
from workflows.model.identity import Slot
from workflows.model.record import DecisionRecord

RecordOf = Callable[[Slot, str], Awaitable[DecisionRecord | None]]
"""The record of a closed run; None where nobody can tell any more."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_log = logging.getLogger(__name__)


class FileAuditing(Auditing):
    """Appends to one log; `executor` has one thread."""

    def __init__(self, log: AuditLog, executor: ThreadPoolExecutor, record_of: RecordOf) -> None:
        self._log = log
        self._executor = executor
        self._record_of = record_of

    @activity.defn(name="audit.append")
    async def append(self, lines: AuditLines) -> None:
        """Append what is not there yet; `StorageFull` and `AuditUnwritable` are tried again."""
        await self._append(lines.entries)

    @activity.defn(name="audit.terminated")
    async def terminated(self, run: TerminatedRun) -> None:
        """Append the record that a terminated run had, or that it had none."""
        record = await self._record_of(run.slot, run.run_id)
        kept = None if record is None else record.model_dump(mode="json")
        entry = AuditEntry(
            id=f"{run.run_id}/terminated",
            at=run.at,
            kind=AuditKind.TERMINATED,
            slot=run.slot,
            run_id=run.run_id,
            payload={"message": run.message, "record": kept},
        )
        await self._append((entry,))

    async def _append(self, entries: Sequence[AuditEntry]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._executor, self._log.append, entries)
        except OSError as error:
            raise _unwritten(self._log.path, error) from error


class LoggedAuditing(Auditing):
    """Where no audit log is configured: what would stand in it is said in the worker's log."""

    @activity.defn(name="audit.append")
    async def append(self, lines: AuditLines) -> None:
        """Say each entry."""
        for entry in lines.entries:
            _log.info("audit", extra={"entry": entry.model_dump(mode="json")})

    @activity.defn(name="audit.terminated")
    async def terminated(self, run: TerminatedRun) -> None:
        """Say that it was terminated."""
        _log.info("audit", extra={"terminated": run.model_dump(mode="json")})


@asynccontextmanager
async def open_auditing(path: Path | None, record_of: RecordOf) -> AsyncGenerator[Auditing]:
    """The log at `path`; the file is made when the first line comes."""
    if path is None:
        yield LoggedAuditing()
        return
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")
    try:
        yield FileAuditing(AuditLog(path), executor, record_of)
    finally:
        await asyncio.to_thread(executor.shutdown)


def _unwritten(path: Path, error: OSError) -> Exception:
    if error.errno in _FULL:
        message = f"no space left for the audit log {path}; free some, it is tried again"
        return failure(Reason.STORAGE_FULL, message, retryable=True)
    message = f"the audit log {path} cannot be written ({error}); it is tried again"
    return failure(Reason.AUDIT_UNWRITABLE, message, retryable=True)
