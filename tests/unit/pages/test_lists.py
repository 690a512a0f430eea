"""The first page's order and choice, the difference of revisions, two runs side by side."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.pages.test_moves import somebody
from worker.gateway.identity import Binding, Person, Role
from worker.gateway.pages.differences import HIDDEN, compared, without_secrets
from worker.gateway.pages.overview_page import A_PAGE, Wanted, namespaces, shown
from worker.gateway.pages.runs import merged
from worker.rollouts import Row
from workflows.model.identity import Slot


def a_row(name: str, *, waits: bool = False, state: str = "running", namespace: str = "a") -> Row:
    return Row(
        slot=Slot(namespace=namespace, name=name),
        run_id="run",
        state=state,
        awaiting_approval=waits,
        started_at=1.0,
    )


def test_what_waits_for_the_person_is_first_then_what_runs() -> None:
    rows = [a_row("over", state="completed"), a_row("busy"), a_row("mine", waits=True)]
    seen = shown(rows, somebody(Role.APPROVER), Wanted())
    assert [row.slot.name for row in seen.rows] == ["mine", "busy", "over"]
    assert [row.slot.name for row in seen.mine] == ["mine"]
    assert shown(rows, somebody(Role.VIEWER), Wanted()).mine == ()


def test_what_a_person_may_not_see_is_in_no_list_and_no_filter() -> None:
    rows = [a_row("one"), a_row("two", namespace="b")]
    binding = Binding(role=Role.VIEWER, people=("ana",), namespaces=("b",))
    person = Person(name="ana", bindings=(binding,))
    assert [row.slot.name for row in shown(rows, person, Wanted()).rows] == ["two"]
    assert namespaces(rows, person) == ["b"]


def test_pages_show_every_rollout_once() -> None:
    rows = [a_row(f"app-{number}") for number in range(A_PAGE * 2 + 1)]
    admin = somebody(Role.ADMIN)
    pages = [shown(rows, admin, Wanted(page=number)) for number in (1, 2, 3)]
    names = [row.slot.name for page in pages for row in page.rows]
    assert sorted(names) == sorted(row.slot.name for row in rows)
    assert pages[0].pages == 3


def test_values_that_may_be_secrets_are_not_shown() -> None:
    found = without_secrets(
        {"env": {"DB_PASSWORD": "x", "VERSION": "v1"}, "args": [{"token": "x"}]}
    )
    assert found == {"env": {"DB_PASSWORD": HIDDEN, "VERSION": "v1"}, "args": [{"token": HIDDEN}]}


def test_a_difference_marks_what_came_and_went() -> None:
    lines = compared("a: 1\nb: 2\n", "a: 1\nb: 3\n")
    assert [(line.kind, line.text) for line in lines][1:] == [
        ("same", " a: 1"),
        ("removed", "-b: 2"),
        ("added", "+b: 3"),
    ]


@given(
    st.lists(st.sampled_from("abcdef"), unique=True),
    st.lists(st.sampled_from("abcdef"), unique=True),
)
def test_two_plans_side_by_side_have_each_step_once(one: list[str], other: list[str]) -> None:
    found = merged(one, other)
    assert sorted(found) == sorted({*one, *other})
