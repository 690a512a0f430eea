"""What a run knows of itself: its plan, where it is, who did what, and the status made of it.

Owned by `workflows.rollout`; this module only turns state into what people read.
"""

from dataclasses import dataclass, field

from workflows.decide import allowed, analysing, owed, routes_at
from workflows.errors import Reason
from workflows.model.course import Course, Timeline
from workflows.model.hook import HookType
from workflows.model.identity import Slot
from workflows.model.input import Carried
from workflows.model.observation import Evidence
from workflows.model.plan import (
    Adopt,
    Ask,
    Finish,
    Observe,
    Plan,
    PlanKind,
    Promote,
    Release,
    Routes,
    Shift,
    Step,
)
from workflows.model.requests import Outcome
from workflows.model.status import (
    Entry,
    Phase,
    RolloutStatus,
    StepState,
    StepStatus,
    Verb,
    Waiting,
)

KEPT_ENTRIES = 100


@dataclass
class RunRecord:
    """The state of one run; every instant is seconds since 1970."""

    slot: Slot
    run_id: str
    started_at: float
    plan: Plan | None = None
    course: Course = field(default_factory=Course)
    timeline: Timeline = field(default_factory=Timeline)
    entries: tuple[Entry, ...] = ()
    evidence: Evidence | None = None
    preparing: bool = False
    restoring: bool = False
    skipped: set[str] = field(default_factory=set[str])
    outcome: Outcome | None = None
    reason: Reason | None = None
    message: str = ""
    ended_at: float | None = None

    def note(
        self, at: float, actor: str, action: str, detail: str = "", reason: Reason | None = None
    ) -> None:
        """Add a line to the decision record; the oldest go first when it is full."""
        entry = Entry(at=at, actor=actor, action=action, detail=detail, reason=reason)
        self.entries = (*self.entries, entry)[-KEPT_ENTRIES:]

    def resume(self, carried: Carried) -> None:
        """Go on where the run before this one stopped."""
        self.plan, self.course = carried.plan, carried.course
        self.timeline, self.entries = carried.timeline, carried.entries
        self.started_at = carried.started_at

    def carried(self, plan: Plan) -> Carried:
        """All that the next run needs."""
        return Carried(
            plan=plan,
            course=self.course,
            timeline=self.timeline,
            entries=self.entries,
            started_at=self.started_at,
        )

    @property
    def step(self) -> Step | None:
        """The step at the course's position, if the plan has one there."""
        if self.plan is None or self.course.position >= len(self.plan.steps):
            return None
        return self.plan.steps[self.course.position]

    @property
    def allowed(self) -> tuple[Verb, ...]:
        """The orders that make sense now."""
        if self.restoring and self.outcome is None:
            return (Verb.SKIP, Verb.SUBMIT) if self.owed else (Verb.SUBMIT,)
        return allowed(self.plan, self.course, ending=self.outcome is not None)

    @property
    def owed(self) -> tuple[str, ...]:
        """Names of the undo hooks that a restore now would call, in their order."""
        if self.plan is None or self.outcome is not None:
            return ()
        hooks = owed(self.plan, self.timeline.spans)
        return tuple(hook.name for hook in hooks if hook.name not in self.skipped)

    @property
    def judging(self) -> bool:
        """Whether a canary is up to be looked at."""
        return self.plan is not None and analysing(self.plan, self.course)

    @property
    def routes(self) -> Routes:
        """The routes that this run believes in."""
        if self.restoring or self.plan is None or self.step is None or self.course.holding:
            return self.course.routes
        return routes_at(self.plan, self.course.position, self.course.routes)

    @property
    def phase(self) -> Phase:
        """Flagger's word for where the run is."""
        if self.outcome is not None:
            return _PHASE_AFTER[self.outcome]
        if self.restoring:
            return Phase.ROLLING_BACK
        if self.step is None or self.plan is None:
            return Phase.INITIALIZING if self.plan is None else Phase.FINALISING
        return _phase_of(self.plan, self.course.position)

    @property
    def waiting(self) -> Waiting | None:
        """The gate that waits, if one does."""
        step = self.step
        if not isinstance(step, Ask) or self.course.holding or self.restoring or self.outcome:
            return None
        span = self.timeline.spans.get(self.course.position)
        return Waiting(
            step=step.name,
            gate=step.gate,
            since=span.started_at if span else self.started_at,
            hooks=tuple(hook.name for hook in step.hooks),
        )

    def status(self) -> RolloutStatus:
        """The read model."""
        plan = self.plan
        status = RolloutStatus(
            slot=self.slot,
            workflow_id=self.slot.workflow_id,
            run_id=self.run_id,
            phase=self.phase,
            position=self.course.position,
            routes=self.routes,
            failed_checks=self.course.failed_checks,
            paused=self.course.paused,
            waiting=self.waiting,
            queued=self.course.queued,
            evidence=self.evidence,
            entries=self.entries,
            allowed=self.allowed,
            undo_owed=self.owed,
            outcome=self.outcome,
            reason=self.reason,
            message=self.message,
            started_at=self.started_at,
            ended_at=self.ended_at,
        )
        return status if plan is None else status.model_copy(update=self._of_plan(plan))

    def _of_plan(self, plan: Plan) -> dict[str, object]:
        return {
            "kind": plan.kind,
            "strategy": plan.strategy,
            "revision": plan.revision,
            "promoted_revision": plan.promoted_revision,
            "steps": tuple(self._row(plan, i) for i in range(len(plan.steps))),
            "threshold": plan.analysis.threshold,
            "policy": plan.policy,
            "expectation": plan.expectation,
        }

    def _row(self, plan: Plan, position: int) -> StepStatus:
        step = plan.steps[position]
        span = self.timeline.spans.get(position)
        planned = plan.analysis.interval * step.passes if isinstance(step, Observe) else None
        return StepStatus(
            name=step.name,
            kind=step.kind,
            summary=step.summary,
            state=self._state(position),
            routes=step.routes if isinstance(step, Ask | Observe | Shift) else None,
            planned=0.0 if isinstance(step, Observe) and step.at_once else planned,
            started_at=span.started_at if span else None,
            ended_at=span.ended_at if span else None,
        )

    def _state(self, position: int) -> StepState:
        span = self.timeline.spans.get(position)
        if span is not None and self.restoring and position == self.course.position:
            return StepState.STOPPED
        if span is not None and span.ended_at is not None:
            return StepState.DONE
        if span is not None and self.outcome is None and position == self.course.position:
            return StepState.NOW
        gone = position < self.course.position or self.restoring or self.outcome is not None
        return StepState.SKIPPED if gone else StepState.NEXT


_PHASE_AFTER = {
    Outcome.PROMOTED: Phase.SUCCEEDED,
    Outcome.INITIALISED: Phase.INITIALIZED,
    Outcome.ROLLED_BACK: Phase.FAILED,
    Outcome.WITHDRAWN: Phase.FAILED,
    Outcome.SUPERSEDED: Phase.FAILED,
    Outcome.REVERTED: Phase.TERMINATED,
    Outcome.UNCHANGED: Phase.SUCCEEDED,
    Outcome.SUSPENDED: Phase.INITIALIZED,
}


def _phase_of(plan: Plan, position: int) -> Phase:
    if plan.kind is PlanKind.REVERT:
        return Phase.TERMINATING
    after_promotion = any(isinstance(step, Promote) for step in plan.steps[:position])
    match plan.steps[position]:
        case Ask(gate=HookType.CONFIRM_ROLLOUT):
            return Phase.WAITING
        case Ask(gate=HookType.CONFIRM_PROMOTION):
            return Phase.WAITING_PROMOTION
        case Adopt():
            return Phase.INITIALIZING
        case Finish():
            return Phase.FINALISING
        case Release():
            return Phase.TERMINATING
        case Promote():
            return Phase.PROMOTING
        case _:
            return Phase.PROMOTING if after_promotion else Phase.PROGRESSING
