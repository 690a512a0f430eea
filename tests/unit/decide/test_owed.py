"""Undo hooks are owed by the steps that have begun, the last first."""

import pytest

from tests.builders import a_plan
from workflows.decide import owed, owed_since
from workflows.model.plan import Plan, PlanKind, UndoHook


def hook(name: str, after: str) -> UndoHook:
    return UndoHook(name=name, after=after, url=f"http://127.0.0.1:9/{name}")


def the_plan(kind: PlanKind = PlanKind.RELEASE) -> Plan:
    undo = (
        hook("second", "weight-50"),
        hook("first", "start"),
        hook("third", "weight-50"),
        hook("last", "promote"),
    )
    return a_plan(10, 50, kind=kind, undo=undo if kind is PlanKind.RELEASE else ())


@pytest.mark.parametrize(
    ("step", "names"),
    [
        ("", []),
        ("start", ["first"]),
        ("weight-10", ["first"]),
        ("weight-50", ["third", "second", "first"]),
        ("promote", ["last", "third", "second", "first"]),
        ("finish", ["last", "third", "second", "first"]),
        ("a step of another plan", []),
    ],
)
def test_hooks_of_steps_that_began_are_owed_in_reverse(step: str, names: list[str]) -> None:
    assert [each.name for each in owed_since(the_plan(), step)] == names


def test_the_run_and_the_janitor_owe_the_same_after_every_step() -> None:
    plan = the_plan()
    for position, step in enumerate(plan.steps):
        assert owed_since(plan, step.name) == owed(plan, range(position + 1))


def test_a_step_that_was_skipped_or_only_held_before_owes_nothing() -> None:
    plan = the_plan()
    begun = {plan.step_named("start"), plan.step_named("promote")}
    assert [each.name for each in owed(plan, begun)] == ["last", "first"]


def test_only_a_release_owes_anything() -> None:
    assert owed_since(the_plan(PlanKind.INITIALISE), "start") == ()
