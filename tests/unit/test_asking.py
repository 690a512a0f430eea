"""What people read of a gate that waits: in the Temporal UI and in `serinus status`."""

from workflows.approvals.asking import actor_words, waiting_lines
from workflows.details import current_details
from workflows.model.approval import Circle, GateRule, Given, OnExpiry, Via
from workflows.model.hook import HookType
from workflows.model.identity import Slot
from workflows.model.plan import ALL_PRIMARY
from workflows.model.status import Entry, Phase, RolloutStatus, Verb, Waiting

RULE = GateRule(
    who=Circle(people=("ana",), groups=("owners",)),
    quorum=2,
    not_author=True,
    expires_after=3600,
    on_expiry=OnExpiry.HOLD,
    escalate_to=Circle(people=("cleo",)),
)
GIVEN = Given(by="ana", at=1.0, max_weight=25, not_before=1_800_000_000.0)


def waiting(**more: object) -> Waiting:
    known = {"step": "promote", "gate": HookType.CONFIRM_PROMOTION, "since": 0.0}
    return Waiting.model_validate({**known, **more})


def test_a_gate_as_in_flagger_needs_no_words() -> None:
    assert waiting_lines(waiting()) == []


def test_a_gate_says_whom_it_asks_and_what_it_has_been_given() -> None:
    asked = waiting(rule=RULE, given=(GIVEN,), authors=("ben",), expires_at=1_700_000_000.0)
    assert waiting_lines(asked) == [
        "asks for 2 approvals of ana or group owners, not by the author, after 1h held for cleo",
        "authors, who may not approve: ben",
        "given 1 of 2: ana (claimed) up to 25 % not before 2027-01-15T08:00:00Z",
        "expires at 2023-11-14T22:13:20Z",
    ]


def test_a_gate_says_what_time_has_done_to_it() -> None:
    held = waiting(rule=RULE, escalated=True, expired=True)
    assert waiting_lines(held)[-1].startswith("expired: it stays closed")
    escalated = waiting(rule=GateRule(escalate_after=5), escalated=True)
    assert waiting_lines(escalated)[-1].startswith("escalated: ")
    approved = waiting(given=(GIVEN,), opens_at=1_800_000_000.0)
    assert waiting_lines(approved)[-1] == "approved; opens at 2027-01-15T08:00:00Z"


def test_the_temporal_ui_shows_how_many_are_still_needed() -> None:
    status = RolloutStatus(
        slot=Slot(name="shop"), workflow_id="w", run_id="r", phase=Phase.WAITING,
        routes=ALL_PRIMARY, waiting=waiting(rule=RULE), allowed=(Verb.APPROVE,),
    )  # fmt: skip
    shown = current_details(status)
    assert "**Waiting for 2 people**: confirm-promotion at `promote`." in shown
    assert "- given 0 of 2" in shown


def test_a_name_that_nobody_vouched_for_is_marked() -> None:
    said = Entry(at=0, actor="ana", action="approve", via=Via.TEMPORAL)
    assert actor_words(said) == "ana (claimed)"
    assert actor_words(said.model_copy(update={"via": Via.PAGE, "proven": True})) == "ana"
    assert actor_words(Entry(at=0, actor="serinus", action="restore")) == "serinus"
