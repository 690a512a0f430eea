from tests.unit.cli.statuses import BEGAN, a_status, a_step, a_tick, ended, evidence, waiting
from worker.cli.news import news
from workflows.errors import Reason
from workflows.model.live import Trip
from workflows.model.measurement import Verdict
from workflows.model.observation import Evidence
from workflows.model.requests import Outcome
from workflows.model.status import Entry, StepState


def test_nothing_is_said_when_nothing_changed() -> None:
    status = a_status(evidence=evidence(a_tick(1)))
    assert news(status, status) == []


def test_the_first_look_says_what_was_done_before_it() -> None:
    lines = news(None, a_status())
    assert lines[0].startswith("default/shop release of v1-abcdef0 (weighted)")
    assert any("step start done in 2.5 s" in line for line in lines)
    assert any("step weight-10: what weight-10 does (canary 10 %)" in line for line in lines)


def test_a_finished_step_is_told_with_plan_and_actual_time() -> None:
    done = a_step("weight-10", StepState.DONE, planned=60.0, started_at=BEGAN, ended_at=BEGAN + 61)
    before = a_status()
    after = a_status(steps=(before.steps[0], done, before.steps[2]))
    assert news(before, after) == ["default/shop step weight-10 done in 1 m 01 s, planned 1 m 00 s"]


def test_each_tick_is_told_once() -> None:
    before = a_status(evidence=evidence(a_tick(1)))
    after = a_status(evidence=evidence(a_tick(1), a_tick(2, Verdict.FAIL, 91.2)))
    assert news(before, after) == ["default/shop tick 2 fail: request-success-rate 91.2 fail"]


def test_decisions_of_people_are_told() -> None:
    entry = Entry(at=BEGAN + 5, actor="ana", action="pause", detail="lunch")
    assert news(a_status(), a_status(entries=(entry,))) == ["default/shop ana: pause lunch"]


def test_a_gate_and_the_phase_are_told() -> None:
    assert news(a_status(), waiting()) == [
        "default/shop waits for people: confirm-promotion, step confirm",
        "default/shop Progressing -> WaitingPromotion",
    ]


def test_the_end_is_told_with_its_reason() -> None:
    lines = news(a_status(), ended(Outcome.ROLLED_BACK, Reason.GUARD_ERRORS, "many errors"))
    assert lines[-1] == "default/shop rolled-back: GuardErrors: many errors"


def test_another_run_begins_anew() -> None:
    lines = news(a_status(), a_status(run_id="run-2"))
    assert lines[0].startswith("default/shop release of")


def test_what_the_guard_found_is_told_once() -> None:
    words = "8 of 20 canary requests failed"
    trip = Trip(
        reason=Reason.GUARD_ERRORS,
        message=words,
        failed=8,
        requests=20,
        primary_failed=0,
        primary_requests=180,
        burstiness=1.0,
    )
    entry = Entry(at=BEGAN + 5, actor="serinus", action="restore", detail=words)
    after = ended(Outcome.ROLLED_BACK, Reason.GUARD_ERRORS, words)
    after = after.model_copy(update={"evidence": Evidence(trip=trip), "entries": (entry,)})
    lines = news(a_status(), after)
    assert "\n".join(lines).count(words) == 1
    assert lines[-1] == "default/shop rolled-back"


def test_a_step_that_was_left_is_told_with_its_time() -> None:
    before = a_status()
    left = before.steps[1].model_copy(update={"state": StepState.STOPPED, "ended_at": BEGAN + 4.5})
    later = before.steps[2].model_copy(update={"state": StepState.SKIPPED})
    after = before.model_copy(update={"steps": (before.steps[0], left, later)})
    assert news(before, after) == ["default/shop step weight-10 left after 2.0 s"]
