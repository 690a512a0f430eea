from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.unit.cli.statuses import BEGAN, a_status, a_tick, ended, evidence, waiting
from worker.cli.view import BAR, picture, seconds, status_line, weights_bar
from workflows.errors import Reason
from workflows.model.live import Trip
from workflows.model.measurement import Verdict
from workflows.model.observation import Evidence
from workflows.model.plan import Routes
from workflows.model.requests import Outcome
from workflows.model.status import RolloutStatus

NOW = BEGAN + 30


def drawn(status: RolloutStatus) -> str:
    out = StringIO()
    Console(file=out, width=120, color_system=None).print(picture(status, NOW))
    return out.getvalue()


def test_each_step_stands_with_its_mark_and_both_its_times() -> None:
    lines = drawn(a_status()).splitlines()
    assert any(line.split()[:2] == ["✓", "start"] and "2.5 s" in line for line in lines)
    now = next(line for line in lines if "weight-10" in line)
    assert now.startswith("●")
    assert "1 m 00 s" in now
    assert "27.5 s" in now
    assert any(line.split()[:2] == ["○", "promote"] for line in lines)


def test_a_gate_shows_every_way_to_answer_it() -> None:
    shown = drawn(waiting())
    assert "confirm-promotion at step confirm (or hook tests-green answers 2xx)" in shown
    assert "serinus approve shop --step confirm" in shown
    assert "serinus reject shop --step confirm" in shown
    line = "temporal workflow update execute -w rollout/local/default/shop --name approve\n"
    assert line in shown.replace(" \n", "\n")


def test_the_last_tick_is_shown_with_value_and_verdict() -> None:
    status = a_status(evidence=evidence(a_tick(1), a_tick(2, Verdict.FAIL, 91.25)), failed_checks=1)
    row = next(line for line in drawn(status).splitlines() if "request-success-rate" in line)
    assert "91.25" in row
    assert "fail" in row
    assert "failed checks: 1 of 5" in drawn(status)
    assert "99.8" not in drawn(status)


def test_what_the_guard_found_is_shown() -> None:
    trip = Trip(
        reason=Reason.GUARD_ERRORS,
        message="8 of 20 canary requests failed",
        failed=8,
        requests=20,
        primary_failed=0,
        primary_requests=180,
        burstiness=1.0,
    )
    assert "guard: 8 of 20 canary requests failed" in drawn(a_status(evidence=Evidence(trip=trip)))


def test_a_rollout_taken_back_says_why() -> None:
    shown = drawn(ended(Outcome.ROLLED_BACK, Reason.GUARD_ERRORS, "too many errors"))
    assert "rolled-back: GuardErrors: too many errors" in shown


def test_nothing_is_styled_by_what_a_manifest_says() -> None:
    assert "[red]x[/red]" in drawn(ended(Outcome.ROLLED_BACK, Reason.ABORTED, "[red]x[/red]"))


@given(canary=st.integers(0, 100))
def test_the_bar_has_one_length_and_shows_the_smallest_share(canary: int) -> None:
    bar = weights_bar(Routes(primary=100 - canary, canary=canary))
    assert bar.plain.count("█") == BAR
    coloured = sum(span.end - span.start for span in bar.spans if span.style == "yellow")
    assert (coloured > 0) == (canary > 0)
    assert (coloured == BAR) <= (canary > 90)


@pytest.mark.parametrize(
    ("span", "text"),
    [(None, ""), (0.04, "0.0 s"), (59.9, "59.9 s"), (60, "1 m 00 s"), (725, "12 m 05 s"),
     (3599.6, "1 h 00 m"), (10_920, "3 h 02 m")],
)  # fmt: skip
def test_spans_read_as_people_say_them(span: float | None, text: str) -> None:
    assert seconds(span) == text


def test_the_answer_to_a_verb_is_one_line() -> None:
    line = status_line(waiting())
    assert line == (
        "default/shop v1-abcdef0 WaitingPromotion, step weight-10,"
        " primary 90 % canary 10 %, waiting for confirm-promotion"
    )
