"""What the rollout asks of activities, and what they answer. Times are seconds."""

from enum import StrEnum

from workflows.errors import Reason
from workflows.model.hook import Hook, HookAnswer
from workflows.model.identity import Fence, Slot
from workflows.model.plan import Plan, Routes, Traffic, UndoHook
from workflows.model.value import Record


class Action(StrEnum):
    """What a trigger wants done with a slot."""

    RELEASE = "release"
    REVERT = "revert"


class Outcome(StrEnum):
    """How a run ended."""

    PROMOTED = "promoted"
    INITIALISED = "initialised"
    ROLLED_BACK = "rolled-back"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    REVERTED = "reverted"
    UNCHANGED = "unchanged"
    SUSPENDED = "suspended"


class PrepareRequest(Record):
    """Read the manifests, compile the plan, and claim the slot for this run."""

    slot: Slot
    fence: Fence
    workflow_id: str
    action: Action = Action.RELEASE
    previous: bool = False


class Prepared(Record):
    """The plan of this run."""

    plan: Plan


class LookRequest(Record):
    """Which revision does the target hold now?"""

    slot: Slot


class TargetLook(Record):
    """The target's revision and the one promoted last; `None` where there is none.

    `looked_revision` is the one that the target held when a run last looked, `failed_revision`
    the one taken back last.
    """

    revision: str | None
    promoted_revision: str | None
    looked_revision: str | None = None
    failed_revision: str | None = None

    @property
    def is_news(self) -> bool:
        """Whether the target holds what no run has looked at; only this may an event release."""
        known = (self.promoted_revision, self.looked_revision, self.failed_revision)
        return self.revision is not None and self.revision not in known


class SlotWrite(Record):
    """What every write to a target carries."""

    slot: Slot
    fence: Fence
    revision: str


class StartCanary(SlotWrite):
    """Bring the canary to `revision` and wait until ready; non-retryable at the deadline."""

    deadline: float
    ready_percent: int = 100


class PromoteTarget(SlotWrite):
    """Make the primary run `revision`, as it was analysed; no user request may be lost."""

    deadline: float
    ready_percent: int = 100


class AdoptTarget(SlotWrite):
    """Make a primary at `revision` where there is none, route users to it."""

    deadline: float
    traffic: Traffic


class StopCanary(SlotWrite):
    """Drain and stop the canary; refused (retryable) while the primary is not ready."""


class ReleaseTarget(SlotWrite):
    """Give the target back to its owner; it keeps serving."""


class EnsureRoutes(SlotWrite):
    """Make the routes so; answers only when the router serves them."""

    traffic: Traffic
    routes: Routes
    step: str = ""


class RoutesEnsured(Record):
    """`drifted`: the live routes were not what Serinus had written last."""

    changed: bool
    drifted: bool = False


class CallHooks(SlotWrite):
    """Call each hook once in order; a failure stops the rest."""

    hooks: tuple[Hook, ...]
    phase: str
    checksum: str = ""
    step: str


class HookAnswers(Record):
    """What each called hook answered."""

    answers: tuple[HookAnswer, ...]


class CallUndo(SlotWrite):
    """Call one undo hook; retried until it answers 2xx."""

    undo: UndoHook
    checksum: str = ""


class CloseRun(SlotWrite):
    """The run is over: keep its outcome where people look, and free the slot."""

    outcome: Outcome
    reason: Reason | None = None
    message: str = ""
    started_at: float
    ended_at: float


class Orphan(Record):
    """A slot whose rollout ended without restoring."""

    slot: Slot
    run_id: str
    plan: Plan
    owed: tuple[UndoHook, ...] = ()


class Orphans(Record):
    """All slots to restore now."""

    orphans: tuple[Orphan, ...]
