"""What goes in and out of the API beside the models of `workflows`: the only shapes of its own.

The OpenAPI document is generated from these and those; `docs/api.md` describes them for people.
"""

from collections.abc import Callable
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, JsonValue

from activities.claims import PastRun
from worker.applying import Applied
from worker.gateway.api.paging import MOST
from worker.planning import Planned
from worker.rollouts import Row
from workflows.model.decisions import Decision, Name, Order, SkipUndo, Submit, Text
from workflows.model.identity import DNS_NAME
from workflows.model.plan import Strategy
from workflows.model.problem import Problem
from workflows.model.status import Phase, RolloutStatus
from workflows.model.value import Record, Value


def _plain(read: Callable[[str], object]) -> Callable[[object], object]:
    """A parameter is a text; only the one way to write its value is taken."""

    def checked(value: object) -> object:
        return read(value) if isinstance(value, str) else value

    return checked


def _number(text: str) -> object:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text + " "


def _truth(text: str) -> object:
    return {"true": True, "false": False}.get(text, f"{text} ")


RUN_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
LONGEST_NAME = 220
"""Of a manifest that is kept in a file here; what is longer has no file."""
Cursor = Annotated[str, Field(min_length=1, max_length=600, description="From the page before.")]
Limit = Annotated[
    int,
    Field(ge=1, le=MOST, description="How many rows at most."),
    BeforeValidator(_plain(_number)),
]
Flag = Annotated[bool, BeforeValidator(_plain(_truth))]
Dns = Annotated[str, Field(pattern=DNS_NAME, max_length=63)]


class Nothing(Value):
    """No parameters, no body."""


class ListQuery(Value):
    """Which rollouts, and which page of them."""

    namespace: Dns | None = None
    phase: tuple[Phase, ...] = ()
    strategy: tuple[Strategy, ...] = ()
    waiting: Annotated[Flag, Field(description="Whether a gate waits for people.")] | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class PageQuery(Value):
    """Which page of a list."""

    cursor: Cursor | None = None
    limit: Limit = 50


class RecordQuery(Value):
    """Which run of the target; the newest if none is named."""

    run: Annotated[str, Field(pattern=RUN_ID)] | None = None


class RolloutPage(Record):
    """Some rollouts; `next` is the cursor of the next page."""

    items: tuple[Row, ...]
    next: str | None = None


class PastRollout(PastRun):
    """How a rollout ended; `seconds` is how long it took."""

    seconds: float


class HistoryPage(Record):
    """Rollouts of one target that are over, the newest first."""

    items: tuple[PastRollout, ...]
    next: str | None = None


class Approval(Value):
    """Opens the gate that waits.

    With `step`, only if that one waits. The conditions are: not above `max_weight` percent, not
    before `not_before`.
    """

    comment: Text = ""
    step: Name = ""
    max_weight: Annotated[int, Field(ge=0, le=100)] | None = None
    not_before: AwareDatetime | None = None

    def said(self) -> Decision:
        """As the rollout is told; who says it is filled in by the gateway."""
        at = None if self.not_before is None else self.not_before.timestamp()
        return Decision(
            comment=self.comment, step=self.step, max_weight=self.max_weight, not_before=at
        )


class Rejection(Value):
    """Refuses the gate that waits; with `step`, only if that one waits."""

    comment: Text = ""
    step: Name = ""

    def said(self) -> Decision:
        return Decision(comment=self.comment, step=self.step)


class Why(Value):
    """The reason, for the decision record."""

    reason: Text = ""

    def said(self) -> Order:
        return Order(reason=self.reason)


class Skip(Value):
    """Gives up the undo hook of this name."""

    undo: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Text = ""

    def said(self) -> SkipUndo:
        return SkipUndo(undo=self.undo, reason=self.reason)


class Submission(Value):
    """Look at the target and release what changed; `revision` is a hint, for a policy to refuse."""

    revision: Name = ""
    reason: Text = ""

    def said(self) -> Submit:
        return Submit(revision=self.revision, reason=self.reason)


class Started(Record):
    """The run that was started."""

    run_id: str


class TextFile(Value):
    """A text of manifests, YAML or JSON; `name` is how problems call it."""

    name: Annotated[str, Field(min_length=1, max_length=400)] = "<body>"
    text: Annotated[str, Field(max_length=900_000)]


class Texts(Value):
    """Texts of manifests. A body of `application/yaml` is one of them, as it stands."""

    files: Annotated[tuple[TextFile, ...], Field(min_length=1, max_length=200)]

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        return tuple((file.name, file.text) for file in self.files)


class Preview(Record):
    """One plan a Canary, and one a Process that no Canary points at."""

    plans: tuple[Planned, ...]


class ApplyQuery(Value):
    """With `again`, what did not change is triggered too."""

    again: Flag = False


class ManifestQuery(Value):
    """Which manifests."""

    kind: Annotated[str, Field(pattern="^[A-Za-z]+$", max_length=63)] | None = None
    namespace: Dns | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class ManifestPlace(Value):
    """One manifest."""

    kind: Annotated[str, Field(pattern="^[A-Za-z]+$", max_length=63)]
    namespace: Dns
    name: Annotated[str, Field(pattern=DNS_NAME, max_length=LONGEST_NAME)]


class Deleted(Record):
    """What became of a deletion; `status` is of the rollout that gives the target back."""

    kind: str
    key: str
    status: RolloutStatus | None = None


class ProblemDetails(Record):
    """RFC 9457. `reason` is a stable code, `problems` are those of manifests and fields."""

    type: str
    title: str
    status: int
    detail: str = ""
    reason: str = ""
    problems: tuple[Problem, ...] = ()


class ManifestDocument(Record):
    """A manifest as `serinus schema` describes its kind, without what is at its default."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    api_version: Annotated[str, Field(alias="apiVersion")]
    kind: str
    metadata: dict[str, JsonValue]


class ManifestPage(Record):
    """Some manifests; `next` is the cursor of the next page."""

    items: tuple[ManifestDocument, ...]
    next: str | None = None


class AppliedManifests(Applied):
    """What an apply changed, and where the rollouts that it triggered are."""

    statuses: tuple[RolloutStatus, ...]
