"""How a rollout is started, and what it carries from one run to the next."""

from typing import Annotated

from pydantic import Field

from workflows.model.announcement import Announced
from workflows.model.approval import Author
from workflows.model.course import Course, Timeline
from workflows.model.decisions import Name, Text
from workflows.model.identity import Slot
from workflows.model.plan import Plan
from workflows.model.record import Pages
from workflows.model.requests import Action, Outcome
from workflows.model.status import Entry
from workflows.model.value import Record, Value


class Carried(Record):
    """The state of a run that continues as new, whole."""

    plan: Plan
    course: Course
    timeline: Timeline
    entries: tuple[Entry, ...] = ()
    started_at: float
    announced: Announced | None = None
    pages: Pages = Pages()


class RolloutInput(Value):
    """What people type to start a rollout; only the name is needed.

    `previous` releases the revision that was promoted before the present one. `authors` have
    triggered what is released now, or something else, while the run before this one went on.
    """

    name: Annotated[str, Field(min_length=1)]
    namespace: str = "default"
    cluster: str = "local"
    action: Action = Action.RELEASE
    previous: bool = False
    by: Name = ""
    reason: Text = ""
    authors: tuple[Author, ...] = ()
    carried: Carried | None = None

    @property
    def slot(self) -> Slot:
        """The slot this input is about."""
        return Slot(cluster=self.cluster, namespace=self.namespace, name=self.name)


class RolloutResult(Record):
    """How the rollout ended."""

    outcome: Outcome
    revision: str = ""
    reason: str = ""
    message: str = ""
