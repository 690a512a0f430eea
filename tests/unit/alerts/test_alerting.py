"""What a status tells people: which states, how severe, and what stands in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_gate, a_hook, a_plan
from workflows.errors import Reason
from workflows.model.alert import Alert, AlertRoute, Channel, Fact, Severity, State
from workflows.model.approval import Circle, GateRule, Given, OnExpiry
from workflows.model.hook import HookAnswer, HookType
from workflows.model.identity import Slot
from workflows.model.live import Trip
from workflows.model.measurement import Measurement, Threshold, Verdict
from workflows.model.measurement import Outcome as Measured
from workflows.model.observation import CheckResult, Evidence, Tick
from workflows.model.plan import ALL_PRIMARY, Plan, PlanKind, Shift
from workflows.model.requests import Outcome
from workflows.model.status import Phase, RolloutStatus, Waiting
from workflows.telling.alerting import END, keys, news, terminated

SLOT = Slot(name="shop")
GATE = a_gate(HookType.CONFIRM_PROMOTION)
STEP = "confirm-promotion"
ROUTE = AlertRoute(name="chat", kind=Channel.SLACK, address="http://127.0.0.1:9/")
FACTS = (Fact(name="Target", value="Deployment/shop.default"),)
ASKS = {"name": STEP, "kind": "ask", "summary": "ask"}


def listened(plan: Plan) -> Plan:
    return plan.model_copy(update={"alerts": (ROUTE,), "facts": FACTS})


def a_status(plan: Plan, **fields: object) -> RolloutStatus:
    whole = {
        "slot": SLOT,
        "workflow_id": SLOT.workflow_id,
        "run_id": "run-1",
        "phase": Phase.PROGRESSING,
        "kind": plan.kind,
        "routes": ALL_PRIMARY,
        "threshold": plan.analysis.threshold,
        **fields,
    }
    return RolloutStatus.model_validate(whole)


def told(plan: Plan, status: RolloutStatus, *before: str, at: float = 100.0) -> tuple[Alert, ...]:
    said = news(plan, status, "run-1", before, at)
    return said.alerts if said is not None else ()


def only(alerts: tuple[Alert, ...], state: State) -> Alert:
    (alert,) = [alert for alert in alerts if alert.state is state]
    return alert


def facts(alert: Alert) -> dict[str, str]:
    return {fact.name: fact.value for fact in alert.facts}


def a_wait(**fields: object) -> Waiting:
    whole = {"step": STEP, "gate": HookType.CONFIRM_PROMOTION, "since": 90.0, **fields}
    return Waiting.model_validate(whole)


RELEASE = listened(a_plan(10, before_promotion=(GATE,)))


def test_nobody_is_told_of_a_plan_without_receivers() -> None:
    plan = a_plan(10)
    assert news(plan, a_status(plan, outcome=Outcome.PROMOTED), "run-1", (), 1.0) is None


def test_a_start_carries_flaggers_facts() -> None:
    alert = only(told(RELEASE, a_status(RELEASE)), State.STARTED)
    assert (alert.severity, alert.key) == (Severity.INFO, "run-1/started")
    assert alert.text == "New revision of shop.default detected, starting canary analysis."
    assert facts(alert) == {"Cluster": "local", "Target": "Deployment/shop.default"}


def test_a_release_without_analysis_says_so() -> None:
    plan = listened(a_plan())
    assert "analysis is skipped" in only(told(plan, a_status(plan)), State.STARTED).text
    done = only(told(plan, a_status(plan, outcome=Outcome.PROMOTED)), State.PROMOTED)
    assert done.text == "Canary analysis was skipped, promotion finished."


@pytest.mark.parametrize(
    ("kind", "outcome", "state"),
    [
        (PlanKind.INITIALISE, Outcome.INITIALISED, State.INITIALISED),
        (PlanKind.REVERT, Outcome.REVERTED, State.REVERTED),
        (PlanKind.UNCHANGED, Outcome.UNCHANGED, None),
        (PlanKind.SUSPENDED, Outcome.SUSPENDED, None),
    ],
)
def test_other_plans_tell_their_end_only(
    kind: PlanKind, outcome: Outcome, state: State | None
) -> None:
    plan = listened(a_plan(kind=kind))
    assert told(plan, a_status(plan)) == ()
    states = [alert.state for alert in told(plan, a_status(plan, outcome=outcome))]
    assert states == ([] if state is None else [state])


@pytest.mark.parametrize(
    ("reason", "severity"),
    [
        (Reason.FAILED_CHECKS, Severity.ERROR),
        (Reason.PROGRESS_DEADLINE, Severity.ERROR),
        (Reason.METRICS_DOWN, Severity.ERROR),
        (Reason.GUARD_ERRORS, Severity.ERROR),
        (Reason.ROLLBACK_HOOK, Severity.ERROR),
        (Reason.CANCELLED, Severity.ERROR),
        (Reason.REJECTED, Severity.ERROR),
        (Reason.REVERTED, Severity.WARN),
        (Reason.SUPERSEDED, Severity.INFO),
    ],
)
def test_every_rollback_is_told_with_its_reason(reason: Reason, severity: Severity) -> None:
    status = a_status(RELEASE, reason=reason, message="because", phase=Phase.ROLLING_BACK)
    alert = only(told(RELEASE, status), State.ROLLED_BACK)
    assert (alert.severity, alert.reason) == (severity, reason)
    assert alert.text == "Rolling back shop.default: because"
    assert facts(alert)["Reason"] == reason


def test_a_rollback_carries_the_first_failing_check_and_the_guards_counts() -> None:
    good = Measurement(check="request-duration", outcome=Measured.VALUE, value=1)
    bad = Measurement(check="request-success-rate", outcome=Measured.VALUE, value=81.2)
    results = (
        CheckResult(measurement=good, verdict=Verdict.PASS, threshold=Threshold(max=500)),
        CheckResult(measurement=bad, verdict=Verdict.FAIL, threshold=Threshold(min=99)),
    )
    hook = HookAnswer(name="load", type=HookType.ROLLOUT, ok=False, message="load answered 500")
    trip = Trip(reason=Reason.GUARD_ERRORS, message="plainly bad", failed=25, requests=50,
                primary_failed=0, primary_requests=450, burstiness=1)  # fmt: skip
    failing = Tick(number=2, at=5, verdict=Verdict.FAIL, results=results, answers=(hook,))
    status = a_status(RELEASE, reason=Reason.FAILED_CHECKS, failed_checks=2,
                      evidence=Evidence(first_failure=failing, trip=trip))  # fmt: skip
    alert = only(told(RELEASE, status), State.ROLLED_BACK)
    lines = [(fact.name, fact.value) for fact in alert.facts]
    assert ("First failing check", "request-success-rate is 81.2, wanted at least 99") in lines
    assert ("First failing check", "load answered 500") in lines
    assert not [value for _, value in lines if "request-duration" in value]
    assert facts(alert)["Failed checks"] == "2 of 2"
    assert facts(alert)["Canary"] == "25 of 50 requests failed"
    assert facts(alert)["Primary"] == "0 of 450 requests failed"


def test_what_fails_after_the_promotion_is_no_rollback() -> None:
    after = next(i for i, step in enumerate(RELEASE.steps) if isinstance(step, Shift))
    running = a_status(RELEASE, position=after, reason=Reason.CANCELLED, message="cancelled")
    ended = running.model_copy(update={"outcome": Outcome.PROMOTED})
    assert {alert.state for alert in told(RELEASE, running)} == {State.STARTED}
    assert "though cancelled" in only(told(RELEASE, ended), State.PROMOTED).text


def test_a_gate_says_what_it_asks_for() -> None:
    rule = GateRule(who=Circle(people=("ana",), groups=("leads",)), quorum=2, not_author=True,
                    proven=True, expires_after=60)  # fmt: skip
    waiting = a_wait(rule=rule, given=(Given(by="ben", at=1),), hooks=("ask",), expires_at=150.0)
    alert = only(told(RELEASE, a_status(RELEASE, waiting=waiting)), State.WAITING)
    assert (alert.severity, alert.waiting_step, alert.until) == (Severity.WARN, STEP, 150.0)
    assert facts(alert)["Who may approve"] == "ana, leads"
    assert facts(alert)["Asked for"] == (
        "2 approvals, 1 given; not the author of the change; a proven identity; "
        "within 60 s, else reject"
    )
    assert facts(alert)["Opened by"] == "approval, or ask"


def test_people_are_asked_at_once_unless_a_hook_may_open_the_gate() -> None:
    asked = only(told(RELEASE, a_status(RELEASE, waiting=a_wait())), State.WAITING)
    hooked = only(told(RELEASE, a_status(RELEASE, waiting=a_wait(hooks=("ask",)))), State.WAITING)
    assert asked.patience == 0 < hooked.patience


@pytest.mark.parametrize(
    ("mutes", "expected"), [((), True), ((True,), False), ((True, False), True)]
)
def test_a_gate_is_muted_when_all_of_its_hooks_are(mutes: tuple[bool, ...], expected: bool) -> None:
    hooks = tuple(a_hook("ask").model_copy(update={"mute_alert": mute}) for mute in mutes)
    plan = listened(a_plan(10, before_promotion=(GATE.model_copy(update={"hooks": hooks}),)))
    states = {alert.state for alert in told(plan, a_status(plan, waiting=a_wait()))}
    assert (State.WAITING in states) is expected


def test_an_escalated_gate_is_told_besides() -> None:
    rule = GateRule(escalate_after=10, escalate_to=Circle(groups=("leads",)))
    status = a_status(RELEASE, waiting=a_wait(escalated=True, rule=rule))
    alerts = told(RELEASE, status, "run-1/started", f"run-1/waiting/{STEP}")
    assert only(alerts, State.ESCALATED).text.endswith("escalated to leads.")


@pytest.mark.parametrize(
    ("rule", "at", "expected"),
    [(OnExpiry.HOLD, 149.0, False), (OnExpiry.HOLD, 150.0, True), (OnExpiry.REJECT, 151.0, False)],
)
def test_a_gate_that_holds_after_its_expiry_is_an_error(
    rule: OnExpiry, at: float, expected: bool
) -> None:
    waiting = a_wait(expires_at=150.0, rule=GateRule(expires_after=60, on_expiry=rule))
    alerts = told(RELEASE, a_status(RELEASE, waiting=waiting), at=at)
    assert (State.EXPIRED in {alert.state for alert in alerts}) is expected


def test_a_gate_that_was_told_of_is_over_once() -> None:
    before = ("run-1/started", f"run-1/waiting/{STEP}")
    (alert,) = told(RELEASE, a_status(RELEASE), *before)
    assert (alert.key, alert.resolved) == (f"run-1/waiting/{STEP}", True)
    said = news(RELEASE, a_status(RELEASE), "run-1", before, 1.0)
    assert said is not None
    assert told(RELEASE, a_status(RELEASE), *before, *keys(said)) == ()


def test_the_end_is_said_once_even_if_nothing_is_new() -> None:
    status = a_status(RELEASE, outcome=Outcome.PROMOTED)
    said = news(RELEASE, status, "run-1", ("run-1/started", "run-1/promoted"), 1.0)
    assert said is not None
    assert (said.last, said.alerts) == (True, ())
    assert news(RELEASE, status, "run-1", ("run-1/started", "run-1/promoted", END), 1.0) is None


@given(
    outcome=st.none() | st.sampled_from(Outcome),
    reason=st.none() | st.sampled_from(Reason),
    waiting=st.none() | st.booleans().map(lambda late: a_wait(escalated=late, expires_at=50.0)),
    position=st.integers(0, len(RELEASE.steps)),
    kind=st.sampled_from(PlanKind),
)
def test_a_state_is_told_once(
    outcome: Outcome | None, reason: Reason | None, waiting: Waiting | None, position: int,
    kind: PlanKind,
) -> None:  # fmt: skip
    hooks = {"event_hooks": (a_hook("follow", HookType.EVENT),), "kind": kind}
    plan = RELEASE.model_copy(update=hooks)
    status = a_status(plan, outcome=outcome, reason=reason, waiting=waiting, position=position)
    said = news(plan, status, "run-1", (), 100.0)
    if said is None:
        return
    known = tuple(keys(said))
    assert len(known) == len(set(known))
    assert news(plan, status, "run-1", known, 200.0) is None


def test_the_janitor_speaks_for_a_terminated_run() -> None:
    said = terminated(RELEASE, SLOT, "run-1", "its workflow was terminated", 5.0)
    (alert,), (event,) = said.alerts, said.events
    assert (alert.key, alert.reason, said.last) == ("run-1/rolled-back", Reason.TERMINATED, True)
    assert event.warning
