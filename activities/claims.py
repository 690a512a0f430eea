"""What every platform keeps of a slot, whatever its targets are: who holds it, and its past.

Shared by the stores and the planning of `activities.local` and `activities.kube`.
"""

from collections.abc import Awaitable, Callable
from typing import Self

from workflows.compile import Bundle, compile_plan
from workflows.decide import owed_since
from workflows.errors import ManifestError, Reason, failure
from workflows.model.identity import Fence, Slot
from workflows.model.plan import Plan, Routes, Traffic
from workflows.model.requests import CloseRun, Orphan, Outcome
from workflows.model.value import Record

KEPT_OUTCOMES = 50
IsRunning = Callable[[str, str], Awaitable[bool]]
"""Whether a run of a workflow, by workflow id and run id, is running."""


class Claim(Record):
    """The run that holds the slot."""

    workflow_id: str
    run_id: str
    plan: Plan
    plain: bool = False
    """A Process without a Canary."""


class PastRun(Record):
    """How a run ended."""

    revision: str
    outcome: Outcome
    reason: Reason | None = None
    message: str = ""
    started_at: float
    ended_at: float

    @classmethod
    def of(cls, request: CloseRun) -> Self:
        """What a run says of itself when it closes."""
        return cls(
            revision=request.revision,
            outcome=request.outcome,
            reason=request.reason,
            message=request.message,
            started_at=request.started_at,
            ended_at=request.ended_at,
        )


class SlotState(Record):
    """A slot on any platform; `step` is the last step of the plan that began."""

    fence: Fence = Fence(run_id="", generation=0, sequence=0)
    claim: Claim | None = None
    promoted_revision: str | None = None
    previous_revision: str | None = None
    failed_revision: str | None = None
    looked_revision: str | None = None
    """What the target held when a run last looked at it."""
    traffic: Traffic | None = None
    routes: Routes | None = None
    step: str = ""
    history: tuple[PastRun, ...] = ()

    @property
    def needed_revisions(self) -> frozenset[str]:
        """Those whose snapshots must not be forgotten."""
        found = {self.promoted_revision, self.previous_revision, self.failed_revision}
        return frozenset(revision for revision in found if revision is not None)

    def but(self, **changes: object) -> Self:
        """The same with some fields changed."""
        return self.model_validate({**dict(self), **changes})

    def and_past(self, run: PastRun) -> Self:
        """With one more outcome; the oldest are dropped."""
        return self.but(history=(*self.history, run)[-KEPT_OUTCOMES:])

    def at_step(self, step: str) -> Self:
        """A pause and a restore are no steps: what had begun before them stays owed an undo."""
        plan = self.claim.plan if self.claim is not None else None
        planned = plan is not None and any(step in (each.name, each.kind) for each in plan.steps)
        return self.but(step=step) if planned else self

    def promoted(self, revision: str) -> Self:
        """The primary runs this revision now."""
        before = self.promoted_revision
        return self.but(
            promoted_revision=revision,
            previous_revision=self.previous_revision if before == revision else before,
            failed_revision=None if self.failed_revision == revision else self.failed_revision,
        )

    def closed(self, request: CloseRun) -> Self:
        """The run is over and the slot is free."""
        taken_back = request.outcome is Outcome.ROLLED_BACK
        failed = request.revision if taken_back else self.failed_revision
        past = self.and_past(PastRun.of(request))
        return past.but(claim=None, failed_revision=failed, step="")

    async def orphan(self, slot: Slot, is_running: IsRunning) -> Orphan | None:
        """The slot, if the run that holds it is gone."""
        claim = self.claim
        if claim is None or await is_running(claim.workflow_id, claim.run_id):
            return None
        owed = owed_since(claim.plan, self.step)
        return Orphan(slot=slot, run_id=claim.run_id, plan=claim.plan, owed=owed)

    def refuse_older(self, slot: Slot, fence: Fence) -> None:
        """`Fenced` if a newer write came first."""
        newest = self.fence
        if fence.older_than(newest):
            raise failure(
                Reason.FENCED,
                f"a newer write to {slot.key} came first: {newest.run_id} #{newest.sequence} "
                f"after {fence.run_id} #{fence.sequence}; nothing was changed",
                retryable=False,
            )


def compiled(bundle: Bundle) -> Plan:
    """The plan; `InvalidManifest` if it cannot be made."""
    try:
        return compile_plan(bundle)
    except ManifestError as error:
        raise refused(error) from error


def refused(error: ManifestError) -> Exception:
    """A manifest is wrong: the run ends with every problem it has."""
    problems = [problem.model_dump(mode="json") for problem in error.problems]
    return failure(Reason.INVALID_MANIFEST, str(error), *problems, retryable=False)


def nothing_to_undo(slot: Slot, promoted: str | None) -> Exception:
    message = f"{slot.key} has no revision before {promoted} to undo"
    return failure(Reason.TARGET_NOT_FOUND, message, retryable=False)
