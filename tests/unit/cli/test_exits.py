import pytest

from tests.unit.cli.statuses import a_status, ended, waiting
from worker.cli.exits import OF_OUTCOME, Exit, of_status, of_timeout
from workflows.model.requests import Outcome


def test_every_outcome_has_an_exit_code() -> None:
    assert set(OF_OUTCOME) == set(Outcome)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Outcome.PROMOTED, 0), (Outcome.ROLLED_BACK, 2), (Outcome.WITHDRAWN, 2)],
)
def test_the_outcome_decides(outcome: Outcome, code: int) -> None:
    assert of_status(ended(outcome)) == code


def test_a_rollout_that_is_not_over_waits() -> None:
    assert of_status(a_status()) == 3


def test_running_out_of_time_says_whether_people_were_waited_for() -> None:
    assert of_timeout(None) is Exit.TIMEOUT
    assert of_timeout(a_status()) == 124
    assert of_timeout(waiting()) == 3
    assert of_timeout(a_status(paused=True)) == 3
