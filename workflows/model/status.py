"""What a rollout says of itself: the one read model of CLI, page and API.

All instants are seconds since 1970 by the workflow's clock; all spans are seconds.
"""

from enum import StrEnum

from workflows.errors import Reason
from workflows.model.approval import GateRule, Given, Via
from workflows.model.hook import HookType
from workflows.model.identity import Slot
from workflows.model.observation import Evidence
from workflows.model.plan import Expectation, PlanKind, Routes, Strategy
from workflows.model.requests import Outcome
from workflows.model.value import Record


class Phase(StrEnum):
    """Flagger's phases, and ours where Flagger has no word."""

    INITIALIZING = "Initializing"
    INITIALIZED = "Initialized"
    WAITING = "Waiting"
    PROGRESSING = "Progressing"
    WAITING_PROMOTION = "WaitingPromotion"
    PROMOTING = "Promoting"
    FINALISING = "Finalising"
    ROLLING_BACK = "RollingBack"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    TERMINATED = "Terminated"


class Verb(StrEnum):
    """The updates a rollout understands."""

    APPROVE = "approve"
    REJECT = "reject"
    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    ABORT = "abort"
    SKIP = "skip"
    SUBMIT = "submit"


class StepState(StrEnum):
    """Where a step is."""

    DONE = "done"
    NOW = "now"
    NEXT = "next"
    SKIPPED = "skipped"
    STOPPED = "stopped"


class StepStatus(Record):
    """A row of the step table; `planned` is `None` for steps without a planned length."""

    name: str
    kind: str
    summary: str
    state: StepState
    routes: Routes | None = None
    planned: float | None = None
    started_at: float | None = None
    ended_at: float | None = None


class Waiting(Record):
    """The gate that waits for people: what it asks for, and what it has been given.

    `opens_at` is set once enough people have approved, some of them not before that instant.
    `authors` may not approve; they are named only where the rule asks for somebody else.
    """

    step: str
    gate: HookType
    since: float
    hooks: tuple[str, ...] = ()
    rule: GateRule = GateRule()
    given: tuple[Given, ...] = ()
    expires_at: float | None = None
    escalated: bool = False
    expired: bool = False
    opens_at: float | None = None
    authors: tuple[str, ...] = ()

    @property
    def needed(self) -> int:
        """How many approvals are still missing."""
        return max(0, self.rule.quorum - len(self.given))


class Entry(Record):
    """A line of the decision record: who or what did what, and why.

    `via` is set for what people said; unless `proven`, who said it is only claimed.
    """

    at: float
    actor: str
    action: str
    detail: str = ""
    reason: Reason | None = None
    via: Via | None = None
    proven: bool = False


class RolloutStatus(Record):
    """Everything a person may want to know of a rollout."""

    slot: Slot
    workflow_id: str
    run_id: str
    phase: Phase
    kind: PlanKind = PlanKind.RELEASE
    strategy: Strategy = Strategy.WEIGHTED
    revision: str = ""
    promoted_revision: str | None = None
    steps: tuple[StepStatus, ...] = ()
    position: int = 0
    routes: Routes
    failed_checks: int = 0
    threshold: int = 1
    paused: bool = False
    waiting: Waiting | None = None
    queued: str = ""
    evidence: Evidence | None = None
    entries: tuple[Entry, ...] = ()
    allowed: tuple[Verb, ...] = ()
    undo_owed: tuple[str, ...] = ()
    policy: str = "default"
    expectation: Expectation | None = None
    outcome: Outcome | None = None
    reason: Reason | None = None
    message: str = ""
    started_at: float = 0.0
    ended_at: float | None = None
