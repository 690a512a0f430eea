"""What a rollout tells the audit log; `activities.audit` chains the lines and keeps them.

Values only: `workflows.records.auditing` makes the entries, `Auditing.append` writes them.
"""

from enum import StrEnum

from pydantic import JsonValue

from workflows.model.identity import Slot
from workflows.model.value import Record


class AuditKind(StrEnum):
    """What a line of the audit log is about."""

    ORDER = "order"
    """Somebody said something to a rollout."""
    RESTORE = "restore"
    """Traffic was given back, and why."""
    RECORD = "record"
    """A run is over: its whole decision record."""
    TERMINATED = "terminated"
    """A run was ended from outside; the janitor gave its traffic back."""
    TORN = "torn"
    """The line before was cut off by a crash; what was left of it."""


class AuditEntry(Record):
    """One line to be. `id` is unique for ever: an entry that comes again is not written again."""

    id: str
    at: float
    kind: AuditKind
    slot: Slot
    run_id: str
    payload: dict[str, JsonValue]


class AuditLines(Record):
    """Entries in their order."""

    entries: tuple[AuditEntry, ...]


class TerminatedRun(Record):
    """A run that could not write its own record. `at` is when the janitor was done with it."""

    slot: Slot
    run_id: str
    at: float
    message: str


class Late(Record):
    """What could not be written in time."""

    slot: Slot
    lines: AuditLines | None = None
    run: TerminatedRun | None = None
