"""Traffic as it is drawn: what was, what is, what is planned."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.pages.statuses import a_status, a_step
from worker.gateway.pages.shares import WIDTH, shares
from workflows.errors import Reason
from workflows.model.plan import ALL_PRIMARY, Routes
from workflows.model.requests import Outcome
from workflows.model.status import StepState, StepStatus

DONE, NOW, NEXT, STOPPED = StepState.DONE, StepState.NOW, StepState.NEXT, StepState.STOPPED


def test_before_the_first_step_there_is_nothing_to_draw() -> None:
    assert shares(a_status(a_step("start", NEXT)), now=5.0) is None


def test_a_step_without_routes_keeps_those_before() -> None:
    drawn = shares(
        a_status(
            a_step("weight-50", DONE, 50, began=0, ended=10),
            a_step("promote", NOW, began=10),
            routes=Routes(primary=50, canary=50),
        ),
        now=20.0,
    )
    assert drawn is not None
    assert [row.routes.canary for row in drawn.rows] == [50, 50]


def test_what_is_planned_comes_after_now_and_is_not_in_the_past() -> None:
    drawn = shares(
        a_status(
            a_step("weight-10", NOW, 10, began=0, planned=60),
            a_step("weight-50", NEXT, 50, planned=60),
            routes=Routes(primary=90, canary=10),
        ),
        now=30.0,
    )
    assert drawn is not None
    assert drawn.ends == 120.0
    assert drawn.now == WIDTH // 4
    assert drawn.future.endswith("V50H1000")
    assert "V50" not in drawn.past


def test_after_a_restore_all_users_are_drawn_at_the_primary() -> None:
    drawn = shares(
        a_status(
            a_step("weight-50", STOPPED, 50, began=0, ended=30),
            a_step("promote", StepState.SKIPPED),
            reason=Reason.FAILED_CHECKS,
            outcome=Outcome.ROLLED_BACK,
            ended_at=40.0,
        ),
        now=99.0,
    )
    assert drawn is not None
    assert [(row.step, row.routes) for row in drawn.rows][-1] == ("restore", ALL_PRIMARY)
    assert drawn.future == ""
    assert drawn.now is None
    assert drawn.words == "Share of the canary: 50 %, then 0 %. Now 0 %."


def test_a_pause_is_drawn_with_the_routes_that_hold() -> None:
    drawn = shares(
        a_status(a_step("weight-50", NOW, 50, began=0, planned=10), routes=ALL_PRIMARY), now=5.0
    )
    assert drawn is not None
    assert drawn.rows[-1].routes == ALL_PRIMARY


@given(
    st.lists(st.tuples(st.integers(0, 100), st.floats(0, 1e6)), min_size=1, max_size=20),
    st.floats(0, 1e6),
)
def test_a_drawing_stays_on_its_canvas(steps: list[tuple[int, float]], wait: float) -> None:
    at = 0.0
    rows: list[StepStatus] = []
    for number, (canary, length) in enumerate(steps):
        rows.append(a_step(f"s{number}", DONE, canary, began=at, ended=at + length))
        at += length
    drawn = shares(a_status(*rows), now=at + wait)
    assert drawn is not None
    assert all(0 <= each <= WIDTH for each in drawn.borders)
    assert [row.begins for row in drawn.rows] == sorted(row.begins for row in drawn.rows)
