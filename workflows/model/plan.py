"""The plan: a flat list of typed steps, each of which is one activity.

Made by `workflows.compile`, interpreted by `workflows.rollout`, drawn by `serinus plan`.
All times are seconds.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from workflows.model.alert import AlertRoute, Fact
from workflows.model.approval import GateRule
from workflows.model.hook import Hook, HookType
from workflows.model.live import GuardRule
from workflows.model.measurement import MetricQuery, NoData, Threshold
from workflows.model.value import Value

Percent = Annotated[int, Field(ge=0, le=100)]


class Strategy(StrEnum):
    """How users meet the new version; selected by the shape of the analysis, as Flagger."""

    WEIGHTED = "weighted"
    BLUE_GREEN = "blue-green"
    AB = "a-b"


class PlanKind(StrEnum):
    """Why the plan exists."""

    RELEASE = "release"
    INITIALISE = "initialise"
    REVERT = "revert"
    SUSPENDED = "suspended"
    UNCHANGED = "unchanged"


class Supersede(StrEnum):
    """What a newer revision does to a running rollout."""

    RESTART = "restart"
    QUEUE = "queue"
    REFUSE = "refuse"


class Routes(Value):
    """Where users go, in percent. With a `match` in the traffic, weights hold for matched ones."""

    primary: Percent
    canary: Percent
    mirrored: bool = False


ALL_PRIMARY = Routes(primary=100, canary=0)


class StringMatch(Value):
    """One way to match a string."""

    exact: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    regex: str | None = None


class RequestMatch(Value):
    """Requests that an A/B test is about: every header must match; cookies are a header."""

    headers: dict[str, StringMatch] = {}
    query_params: dict[str, StringMatch] = {}
    source_labels: dict[str, str] = {}


class Traffic(Value):
    """What a router must know beside the routes."""

    provider: str
    service: str
    hosts: tuple[str, ...] = ()
    port: int = 80
    match: tuple[RequestMatch, ...] = ()
    mirror_percent: Percent = 100


class Check(Value):
    """A metric and the limits its value must keep, both ends inclusive."""

    metric: MetricQuery
    threshold: Threshold


class Analysis(Value):
    """What is looked at while the canary serves; the same for every step of a plan."""

    interval: float = Field(gt=0)
    threshold: int = Field(ge=1)
    checks: tuple[Check, ...] = ()
    hooks: tuple[Hook, ...] = ()
    rollback_hooks: tuple[Hook, ...] = ()
    no_data: NoData = NoData.FAIL
    guard: GuardRule


class StepFields(Value):
    """What every step has: a name unique in its plan and a line for people."""

    name: str
    summary: str


class Ask(StepFields):
    """A gate: opens when each of its hooks has answered 2xx or a person approves."""

    kind: Literal["ask"] = "ask"
    gate: HookType
    hooks: tuple[Hook, ...] = ()
    watch: bool = False
    routes: Routes = ALL_PRIMARY
    rule: GateRule = GateRule()

    @property
    def guarded(self) -> bool:
        """Whether the guard looks on while the gate waits: users must meet the canary."""
        return self.watch and self.routes.canary > 0


class Start(StepFields):
    """Bring the canary up at the plan's revision and wait until it is ready."""

    kind: Literal["start"] = "start"
    deadline: float
    ready_percent: Percent = 100


class Observe(StepFields):
    """Hold `routes` until `passes` ticks have passed.

    The first tick comes after one interval, or at once with `at_once`. Steps without `analysed`
    only hold the routes for the time.
    """

    kind: Literal["observe"] = "observe"
    routes: Routes
    passes: int = Field(default=1, ge=1)
    at_once: bool = False
    analysed: bool = True
    hooks: tuple[Hook, ...] = ()
    guarded: bool = True


class Promote(StepFields):
    """Make the primary run the analysed revision and wait until it is ready."""

    kind: Literal["promote"] = "promote"
    deadline: float
    ready_percent: Percent = 100


class Shift(StepFields):
    """Write routes; nothing is checked."""

    kind: Literal["shift"] = "shift"
    routes: Routes


class Finish(StepFields):
    """Drain and stop the canary."""

    kind: Literal["finish"] = "finish"


class Call(StepFields):
    """Call hooks once, best effort (post-rollout)."""

    kind: Literal["call"] = "call"
    hooks: tuple[Hook, ...]


class Adopt(StepFields):
    """First sight of a target: make the primary from it."""

    kind: Literal["adopt"] = "adopt"
    deadline: float


class Release(StepFields):
    """The manifest is gone: give the target back to its owner."""

    kind: Literal["release"] = "release"


Step = Annotated[
    Ask | Start | Observe | Promote | Shift | Finish | Call | Adopt | Release,
    Field(discriminator="kind"),
]


class UndoHook(Value):
    """A hook that is owed once the step named `after` has begun, until the rollout succeeds."""

    name: str
    after: str
    url: str
    timeout: float = 10.0
    metadata: dict[str, str] = {}


class Expectation(Value):
    """How long the plan takes, and the formula that says so."""

    seconds: float
    formula: str
    rollback_seconds: float
    rollback_formula: str


class Plan(Value):
    """Everything a run needs to know; kept for the whole run."""

    kind: PlanKind
    strategy: Strategy = Strategy.WEIGHTED
    revision: str
    promoted_revision: str | None = None
    checksum: str = ""
    steps: tuple[Step, ...]
    traffic: Traffic
    analysis: Analysis
    post_hooks: tuple[Hook, ...] = ()
    event_hooks: tuple[Hook, ...] = ()
    alerts: tuple[AlertRoute, ...] = ()
    facts: tuple[Fact, ...] = ()
    """What alerts say of the manifest; Flagger's metadata."""
    author: str = ""
    """Who made the change, where the target says so; else the trigger's `by` counts."""
    undo: tuple[UndoHook, ...] = ()
    supersede: Supersede = Supersede.RESTART
    policy: str = "default"
    expectation: Expectation

    def step_named(self, name: str) -> int:
        """The position of a step; ValueError if there is none."""
        return next(i for i, step in enumerate(self.steps) if step.name == name)
