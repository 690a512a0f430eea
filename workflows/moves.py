"""What happens to a rollout, and what a decision asks of it: the words of `workflows.decide`."""

from dataclasses import dataclass
from enum import StrEnum

from workflows.approvals.approving import Deadline, Refusal, Speaker
from workflows.errors import Reason
from workflows.model.approval import Via
from workflows.model.course import Course
from workflows.model.observation import Observation
from workflows.model.plan import Ask
from workflows.model.requests import Action
from workflows.model.status import Verb


@dataclass(frozen=True)
class Done:
    """What was running came to its end: the step itself, or the watch of a hold."""

    observation: Observation | None = None


@dataclass(frozen=True)
class Failed:
    """An activity gave up for good."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Ordered:
    """A person said something; `step` is the gate that an answer was given to.

    `at` is when, in seconds since 1970; `max_weight` and `not_before` are an approval's conditions.
    """

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

    @property
    def speaker(self) -> Speaker:
        """Who says it."""
        return Speaker(by=self.by, groups=self.groups, via=self.via, proven=self.proven)


@dataclass(frozen=True)
class Looked:
    """A trigger came and the target was looked at."""

    revision: str | None
    promoted_revision: str | None
    action: Action = Action.RELEASE
    by: str = ""


@dataclass(frozen=True)
class Due:
    """An instant came that the waiting gate has a deadline at."""

    deadline: Deadline
    at: float


Event = Done | Failed | Ordered | Looked | Due


class Kind(StrEnum):
    """What a move asks of the interpreter."""

    GO = "go"
    KEEP = "keep"
    HOLD = "hold"
    RESTORE = "restore"


@dataclass(frozen=True)
class Move:
    """`GO` performs the step at the course's position, `KEEP` leaves what runs running.

    `again` is a gate to put into the plan at that position first; `refusal` says why an order
    changed nothing.
    """

    kind: Kind
    course: Course
    reason: Reason | None = None
    message: str = ""
    again: Ask | None = None
    refusal: Refusal | None = None
