"""What a run knows of itself: its plan, where it is, who did what, and the status made of it.

Owned by `workflows.rollout`; this module only turns state into what people read.
"""

from dataclasses import dataclass, field

from workflows.approvals import approving
from workflows.approvals.approving import Deadline, Speaker
from workflows.decide import allowed, analysing, owed, routes_at
from workflows.errors import Reason
from workflows.model.course import Course, Timeline
from workflows.model.identity import Slot
from workflows.model.input import Carried
from workflows.model.observation import Evidence
from workflows.model.plan import Ask, Observe, Plan, Routes, Shift, Step, UndoHook
from workflows.model.record import DecisionRecord, Pages, Restored
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
from workflows.moves import Event, Move
from workflows.phases import PHASE_AFTER, phase_of
from workflows.records.recording import completed, decided, with_decision, with_line

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
    pages: Pages = field(default_factory=Pages)

    def note(
        self, at: float, actor: str, action: str, detail: str = "", reason: Reason | None = None
    ) -> None:
        """Add a line to the decision record; the oldest go first when it is full."""
        self._keep(Entry(at=at, actor=actor, action=action, detail=detail, reason=reason))

    def note_order(self, at: float, speaker: Speaker, verb: Verb, text: str) -> None:
        """Add what a person said, and whether it is known who that was."""
        actor = speaker.by or "somebody"
        known = {"via": speaker.via, "proven": speaker.proven}
        entry = Entry(at=at, actor=actor, action=verb, detail=text)
        self._keep(entry.model_copy(update=known))
        if verb is Verb.SKIP:
            self.pages = with_line(self.pages, self.slot, self.run_id, entry)

    def _keep(self, entry: Entry) -> None:
        self.entries = (*self.entries, entry)[-KEPT_ENTRIES:]

    def keep(self, plan: Plan, at: float, events: tuple[Event, Event], move: Move) -> None:
        """Keep a decision: the event it was made of, the one that was heard, and the answer."""
        one = decided(plan, at, self.course, events, move)
        self.pages = with_decision(self.pages, self.slot, self.run_id, one)

    def restore_began(self, at: float, undo: tuple[UndoHook, ...]) -> None:
        """Traffic is given back from now on, and these undo hooks are called after it."""
        restored = Restored(began_at=at, undo=tuple(hook.name for hook in undo))
        self.pages = self.pages.model_copy(update={"restored": restored})

    def restore_ended(self, at: float) -> None:
        """Traffic is back, and every undo hook was called or given up."""
        if self.pages.restored is not None:
            ended = {"ended_at": at, "skipped": tuple(sorted(self.skipped))}
            restored = self.pages.restored.model_copy(update=ended)
            self.pages = self.pages.model_copy(update={"restored": restored})

    def record(self, outcome: Outcome | None = None) -> DecisionRecord:
        """The decision record as it is now, or will be with this outcome."""
        bare = DecisionRecord(
            slot=self.slot,
            run_id=self.run_id,
            plan=self.plan,
            entries=self.entries,
            timeline=self.timeline,
            course=self.course,
            outcome=outcome or self.outcome,
            reason=self.reason,
            message=self.message,
            started_at=self.started_at,
            ended_at=self.ended_at,
        )
        return completed(bare, self.pages)

    def resume(self, carried: Carried) -> None:
        """Go on where the run before this one stopped."""
        self.plan, self.course = carried.plan, carried.course
        self.timeline, self.entries = carried.timeline, carried.entries
        self.started_at, self.pages = carried.started_at, carried.pages
        self.preparing = True

    def carried(self, plan: Plan) -> Carried:
        """All that the next run needs."""
        return Carried(
            plan=plan,
            course=self.course,
            timeline=self.timeline,
            entries=self.entries,
            started_at=self.started_at,
            pages=self.pages,
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
            return PHASE_AFTER[self.outcome]
        if self.restoring:
            return Phase.ROLLING_BACK
        if self.step is None or self.plan is None:
            return Phase.INITIALIZING if self.plan is None else Phase.FINALISING
        return phase_of(self.plan, self.course.position)

    @property
    def waiting(self) -> Waiting | None:
        """The gate that waits, if one does."""
        step = self.step
        if not isinstance(step, Ask) or self.course.holding or self.restoring or self.outcome:
            return None
        gate, since = self.course.gate, self._step_began()
        return Waiting(
            step=step.name,
            gate=step.gate,
            since=since,
            hooks=tuple(hook.name for hook in step.hooks),
            rule=step.rule,
            given=gate.given,
            expires_at=approving.expires_at(step.rule, gate, since),
            escalated=gate.escalated,
            expired=gate.expired,
            opens_at=approving.opens_at(step.rule, gate.given) or None,
            authors=self._authors if step.rule.not_author else (),
        )

    @property
    def deadline(self) -> tuple[float, Deadline] | None:
        """When time does something to the gate that waits, and what."""
        step = self.step
        if self.waiting is None or not isinstance(step, Ask):
            return None
        return approving.next_deadline(step.rule, self.course.gate, self._step_began())

    @property
    def _authors(self) -> tuple[str, ...]:
        plan = self.plan
        if plan is None:
            return ()
        return approving.authors_of(self.course.authors, plan.revision, plan.author)

    def _step_began(self) -> float:
        span = self.timeline.spans.get(self.course.position)
        return span.started_at if span else self.started_at

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
