"""What a rollout has to tell people: pure, from its plan and its status.

Asked by `workflows.telling.announcements` whenever the status changes. A state is told once a run:
its key is the run and the state, and `told` are the keys that were told before. Nothing here knows
who listens but by the plan: without alerts and event hooks there is nothing to tell.
"""

from collections.abc import Collection, Iterator

from workflows.decide import promote_position
from workflows.errors import Reason
from workflows.model.alert import Alert, Fact, Severity, State
from workflows.model.announcement import Event, News
from workflows.model.identity import Slot
from workflows.model.plan import Ask, Observe, Plan, PlanKind
from workflows.model.requests import Outcome
from workflows.model.status import Phase, RolloutStatus, Waiting
from workflows.telling.evidence import evidence_facts
from workflows.telling.gates import asked_for, gate_facts, is_expired
from workflows.telling.happenings import happenings

_MILD = {Reason.SUPERSEDED: Severity.INFO, Reason.REVERTED: Severity.WARN}
"""A release that is taken back on purpose, by those who changed the target, is no failure."""
_KNOWN = {
    State.STARTED: (Severity.INFO, "New revision"),
    State.WAITING: (Severity.WARN, "Waiting for approval"),
    State.ESCALATED: (Severity.WARN, "Approval escalated"),
    State.EXPIRED: (Severity.ERROR, "Approval expired"),
    State.ROLLED_BACK: (Severity.ERROR, "Rolled back"),
    State.PROMOTED: (Severity.INFO, "Promoted"),
    State.INITIALISED: (Severity.INFO, "Initialized"),
    State.REVERTED: (Severity.INFO, "Reverted"),
}
END = "end"
"""Among what was told: there is nothing more."""
GATE_PATIENCE = 3.0
"""Seconds in which the hooks of a gate may open it before people are asked."""
_BACK = {Outcome.ROLLED_BACK, Outcome.WITHDRAWN, Outcome.SUPERSEDED}


def tells(plan: Plan) -> bool:
    """Whether anybody listens."""
    return bool(plan.alerts or plan.event_hooks)


def news(
    plan: Plan, status: RolloutStatus, run_id: str, told: Collection[str], at: float
) -> News | None:
    """What is new in this status; None if nothing is. `at` is seconds since 1970."""
    if not tells(plan):
        return None
    last = status.outcome is not None
    alerts = tuple(_alerts(plan, status, run_id, told, at)) if plan.alerts else ()
    events = tuple(happenings(plan, status, run_id, told, at)) if plan.event_hooks else ()
    ending = last and told and END not in told
    if not (alerts or events or ending):
        return None
    return News(alerts=alerts, events=events, last=last)


def keys(said: News) -> Iterator[str]:
    """What need not be told again."""
    for alert in said.alerts:
        yield over(alert.key) if alert.resolved else alert.key
    for event in said.events:
        yield event.key
    if said.last:
        yield END


def over(key: str) -> str:
    """The key of the end of a state."""
    return f"{key}/over"


def terminated(plan: Plan, slot: Slot, run_id: str, why: str, at: float) -> News:
    """The last of a run that could not say it itself: the janitor restored."""
    name = f"{slot.name}.{slot.namespace}"
    alert = Alert(
        key=f"{run_id}/{State.ROLLED_BACK}",
        slot=slot,
        at=at,
        severity=Severity.ERROR,
        title=f"Rolled back: {name}",
        text=f"Rolled back {name}: {why}",
        phase=Phase.FAILED,
        revision=plan.revision,
        reason=Reason.TERMINATED,
        facts=(Fact(name="Cluster", value=slot.cluster),),
        state=State.ROLLED_BACK,
        run_id=run_id,
    )
    event = Event(key=f"{run_id}/event/ended", at=at, phase=Phase.FAILED, message=alert.text,
                  warning=True)  # fmt: skip
    return News(alerts=(alert,), events=(event,), last=True)


def _alerts(
    plan: Plan, status: RolloutStatus, run_id: str, told: Collection[str], at: float
) -> Iterator[Alert]:
    here = _Here(plan, status, run_id, at)
    gate = tuple(here.gate())
    yield from (alert for alert in here.begun() if alert.key not in told)
    yield from here.opened(told, {alert.key for alert in gate})
    yield from (alert for alert in (*gate, *here.ended()) if alert.key not in told)


class _Here:
    """One status, and the alerts that are true of it."""

    def __init__(self, plan: Plan, status: RolloutStatus, run_id: str, at: float) -> None:
        self._plan, self._status, self._run_id, self._at = plan, status, run_id, at

    def begun(self) -> Iterator[Alert]:
        if self._plan.kind is PlanKind.RELEASE:
            what = "starting canary analysis" if self._is_analysed else "its analysis is skipped"
            words = f"New revision of {self._name} detected, {what}."
            yield self._alert(State.STARTED, words, self._plan.facts)

    def ended(self) -> Iterator[Alert]:
        """A release is taken back as soon as it is decided."""
        plan, outcome = self._plan, self._status.outcome
        if plan.kind is PlanKind.RELEASE and self._is_taken_back:
            yield self._taken_back()
        elif plan.kind is PlanKind.RELEASE and outcome is Outcome.PROMOTED:
            yield self._promoted()
        elif outcome is Outcome.INITIALISED:
            words = f"{self._name} has a primary now: initialization completed."
            yield self._alert(State.INITIALISED, words, plan.facts)
        elif outcome is Outcome.REVERTED:
            words = f"The manifest of {self._name} was deleted: its target serves users again."
            yield self._alert(State.REVERTED, words)

    def gate(self) -> Iterator[Alert]:
        """The gate that waits, unless all of its hooks are muted."""
        waiting = self._status.waiting
        if waiting is None or _muted(self._plan, waiting):
            return
        facts, asked = gate_facts(waiting), asked_for(waiting)
        words = f"{self._name} is waiting for approval of {asked}."
        alert = self._alert(State.WAITING, words, facts, waiting)
        yield alert.model_copy(update={"patience": GATE_PATIENCE if waiting.hooks else 0.0})
        if waiting.escalated:
            people = ", ".join((*waiting.rule.escalate_to.people, *waiting.rule.escalate_to.groups))
            words = f"{self._name} still waits for approval of {asked}: escalated"
            words += f" to {people}." if people else "."
            yield self._alert(State.ESCALATED, words, facts, waiting)
        if is_expired(waiting, self._at):
            words = f"Nobody approved {asked} of {self._name} in time; it holds."
            yield self._alert(State.EXPIRED, words, facts, waiting)

    def opened(self, told: Collection[str], standing: Collection[str]) -> Iterator[Alert]:
        """Gates that were told to wait, and wait no more."""
        for step in self._plan.steps:
            if not isinstance(step, Ask):
                continue
            for state in (State.WAITING, State.ESCALATED, State.EXPIRED):
                key = self._key(state, step.name)
                if key in told and key not in standing and over(key) not in told:
                    yield self._over(state, step)

    @property
    def _is_taken_back(self) -> bool:
        """Not what happens once the primary runs the new revision: that stays."""
        status = self._status
        position = promote_position(self._plan)
        past = position is not None and status.position > position
        return status.outcome in _BACK or (status.reason is not None and not past)

    @property
    def _is_analysed(self) -> bool:
        return any(isinstance(step, Observe) and step.analysed for step in self._plan.steps)

    @property
    def _name(self) -> str:
        return f"{self._status.slot.name}.{self._status.slot.namespace}"

    def _promoted(self) -> Alert:
        words = "Canary analysis was skipped, promotion finished."
        if self._status.reason is not None:
            words = f"{self._name} is promoted, though {self._status.message}"
        elif self._is_analysed:
            words = "Canary analysis completed successfully, promotion finished."
        return self._alert(State.PROMOTED, words, self._plan.facts)

    def _taken_back(self) -> Alert:
        status = self._status
        why = status.message or str(status.reason or status.outcome)
        reason = Fact(name="Reason", value=str(status.reason or status.outcome))
        facts = (reason, *evidence_facts(status))
        alert = self._alert(State.ROLLED_BACK, f"Rolling back {self._name}: {why}", facts)
        mild = _MILD.get(status.reason) if status.reason is not None else None
        return alert if mild is None else alert.model_copy(update={"severity": mild})

    def _over(self, state: State, step: Ask) -> Alert:
        words = f"{self._name} no longer waits for approval at {step.name}."
        update = {"key": self._key(state, step.name), "waiting_step": step.name, "resolved": True}
        return self._alert(state, words).model_copy(update=update)

    def _key(self, state: State, step: str = "") -> str:
        return f"{self._run_id}/{state}/{step}" if step else f"{self._run_id}/{state}"

    def _alert(
        self, state: State, text: str, facts: tuple[Fact, ...] = (), waiting: Waiting | None = None
    ) -> Alert:
        status = self._status
        step = waiting.step if waiting is not None else ""
        severity, title = _KNOWN[state]
        return Alert(
            key=self._key(state, step),
            slot=status.slot,
            at=self._at,
            severity=severity,
            title=f"{title}: {self._name}",
            text=text,
            phase=status.phase,
            revision=self._plan.revision,
            reason=status.reason,
            facts=(Fact(name="Cluster", value=status.slot.cluster), *facts),
            waiting_step=step,
            state=state,
            run_id=self._run_id,
            until=waiting.expires_at if waiting is not None else None,
        )


def _muted(plan: Plan, waiting: Waiting) -> bool:
    """Flagger asks hook by hook; a gate that nobody but muted hooks opens is muted."""
    hooks = [
        hook
        for step in plan.steps
        if isinstance(step, Ask) and step.name == waiting.step
        for hook in step.hooks
    ]
    return bool(hooks) and all(hook.mute_alert for hook in hooks)
