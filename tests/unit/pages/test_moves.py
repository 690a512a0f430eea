"""Buttons: what the rollout allows and what the person may, both."""

import pytest

from tests.unit.pages.statuses import a_status
from worker.gateway.api.step_tokens import step_token
from worker.gateway.identity import NEEDED, Binding, Person, Role
from worker.gateway.pages.moves import gate, moves
from worker.gateway.pages.order_pages import moved_on
from workflows.model.approval import Circle, GateRule, Given
from workflows.model.hook import HookType
from workflows.model.requests import Outcome
from workflows.model.status import Verb, Waiting


def somebody(role: Role, name: str = "ana", groups: tuple[str, ...] = ()) -> Person:
    return Person(name=name, groups=groups, bindings=(Binding(role=role, people=(name,)),))


def waiting(rule: GateRule | None = None, given: tuple[Given, ...] = ()) -> Waiting:
    return Waiting(
        step="confirm-promotion",
        gate=HookType.CONFIRM_PROMOTION,
        since=1.0,
        rule=rule or GateRule(),
        given=given,
    )


@pytest.mark.parametrize("role", list(Role))
def test_nobody_gets_a_button_for_what_their_role_may_not(role: Role) -> None:
    shown = {move.verb for move in moves(a_status(undo_owed=("clear",)), somebody(role))}
    others = set(Verb) - {Verb.APPROVE, Verb.REJECT}
    assert shown == {verb for verb in others if role >= NEEDED[verb]}


def test_only_allowed_moves_have_buttons_and_a_rollout_that_is_over_has_none() -> None:
    admin = somebody(Role.ADMIN)
    assert [move.verb for move in moves(a_status(allowed=(Verb.PAUSE,)), admin)] == [Verb.PAUSE]
    assert moves(a_status(outcome=Outcome.PROMOTED), admin) == ()


def test_a_gate_tells_who_is_not_asked_why() -> None:
    rule = GateRule(who=Circle(groups=("release",)), quorum=2)
    status = a_status(waiting=waiting(rule))
    asked = gate(status, somebody(Role.APPROVER, groups=("release",)))
    other = gate(status, somebody(Role.APPROVER))
    viewer = gate(status, somebody(Role.VIEWER, groups=("release",)))
    assert asked is not None
    assert other is not None
    assert viewer is not None
    assert asked.may_approve
    assert not asked.refusal
    assert not other.may_approve
    assert other.refusal
    assert not viewer.may_approve
    assert "not approve here" in viewer.refusal
    assert asked.asked == "2 of: the group release."


def test_who_has_approved_is_not_asked_again() -> None:
    given = (Given(by="ana", at=1.0),)
    status = a_status(waiting=waiting(GateRule(quorum=2), given))
    again = gate(status, somebody(Role.APPROVER))
    assert again is not None
    assert not again.may_approve
    assert again.missing == 1


def test_a_form_counts_for_its_run_and_an_approval_for_its_step_too() -> None:
    status = a_status(waiting=waiting())
    fields = {"run": "run", "token": step_token(status)}
    assert moved_on(status, Verb.APPROVE, fields) == ""
    assert "another rollout" in moved_on(status, Verb.ABORT, fields | {"run": "other"})
    later = status.model_copy(update={"position": 3})
    assert "moved on" in moved_on(later, Verb.APPROVE, fields)
    assert moved_on(later, Verb.ABORT, fields) == ""
    assert moved_on(status, Verb.APPROVE, {}) != ""
