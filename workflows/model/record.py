"""The decision record: all that a run knew when it decided, and what it decided.

Kept by the workflow as `Pages`, put together by `workflows.records.recording`, answered by the
query `record`, recomputed by `workflows.records.replaying`. All instants are seconds since 1970.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from workflows.errors import Reason
from workflows.model.approval import Via
from workflows.model.audit import AuditEntry
from workflows.model.course import Course, Timeline
from workflows.model.identity import Slot
from workflows.model.observation import Observation
from workflows.model.plan import Ask, Plan, Routes
from workflows.model.requests import Action, Outcome
from workflows.model.status import Entry, Verb
from workflows.model.value import Record

VERSION = 1


class MoveKind(StrEnum):
    """What a decision asks for, as `workflows.decide.Kind`."""

    GO = "go"
    KEEP = "keep"
    HOLD = "hold"
    RESTORE = "restore"


class Ended(Record):
    """A step, or the watch of a hold, came to its end."""

    kind: Literal["ended"] = "ended"
    observation: Observation | None = None


class GaveUp(Record):
    """An activity failed for good."""

    kind: Literal["gave-up"] = "gave-up"
    reason: Reason
    message: str


class Told(Record):
    """Somebody gave an order; `step` is the gate that an answer was given to.

    `proven` is the gateway's word that it knows who it was; else that is only claimed.
    """

    kind: Literal["told"] = "told"
    verb: Verb
    by: str = ""
    text: str = ""
    step: str = ""
    groups: tuple[str, ...] = ()
    via: Via = Via.TEMPORAL
    proven: bool = False
    max_weight: int | None = None
    not_before: float | None = None
    at: float = 0.0


class LookedAt(Record):
    """A trigger came and the target was looked at."""

    kind: Literal["looked-at"] = "looked-at"
    revision: str | None
    promoted_revision: str | None
    action: Action = Action.RELEASE
    by: str = ""


class TimeCame(Record):
    """An instant came that the waiting gate has a deadline at."""

    kind: Literal["time-came"] = "time-came"
    deadline: Literal["escalation", "expiry", "opening"]
    at: float


Happened = Annotated[Ended | GaveUp | Told | LookedAt | TimeCame, Field(discriminator="kind")]


class Refused(Record):
    """Why an order changed nothing."""

    reason: Reason
    message: str


class Move(Record):
    """The answer: where the run goes from here.

    `again` is a gate that was put into the plan at that position.
    """

    kind: MoveKind
    course: Course
    reason: Reason | None = None
    message: str = ""
    again: Ask | None = None
    refusal: Refused | None = None


class Decided(Record):
    """One decision. `overtook` is what was heard when a promotion was found to be done already."""

    at: float
    step: str
    event: Happened
    before: Course
    move: Move
    overtook: Happened | None = None


class Asked(Record):
    """The trigger that began the run."""

    by: str = ""
    reason: str = ""
    action: Action = Action.RELEASE
    previous: bool = False


class Written(Record):
    """Routes that the run began to hold; the step's look re-asserts them until the next."""

    at: float
    step: str
    routes: Routes


class Restored(Record):
    """Traffic was given back: from when to when, which undo hooks were called, which given up."""

    began_at: float
    ended_at: float | None = None
    undo: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


class Pages(Record):
    """What a run keeps of its decisions, bounded; `left_out` decisions were too many."""

    asked: Asked = Asked()
    decided: tuple[Decided, ...] = ()
    sizes: tuple[int, ...] = ()
    """Bytes of each of them as JSON."""
    left_out: int = 0
    restored: Restored | None = None
    audited: int = 0
    """Entries for the audit log so far."""
    unwritten: tuple[AuditEntry, ...] = ()
    """Those of them that are not in it yet."""


class DecisionRecord(Record):
    """Everything. `plan` hides the values of headers and what in URLs may be a secret.

    It holds the gates that were put into it on the way; `workflows.records.replaying` takes them
    out again. `plan_checksum` and `digest` are SHA-256 of the canonical JSON of the plan, and of
    all of this without `digest`.
    """

    version: int = VERSION
    slot: Slot
    run_id: str
    asked: Asked = Asked()
    plan: Plan | None = None
    plan_checksum: str = ""
    decided: tuple[Decided, ...] = ()
    left_out: int = 0
    written: tuple[Written, ...] = ()
    entries: tuple[Entry, ...] = ()
    timeline: Timeline = Timeline()
    course: Course = Course()
    restored: Restored | None = None
    outcome: Outcome | None = None
    reason: Reason | None = None
    message: str = ""
    started_at: float
    ended_at: float | None = None
    digest: str = ""
