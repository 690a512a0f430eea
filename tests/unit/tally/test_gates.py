"""A gate opens when all its hooks say yes in one tick in which the canary was well."""

import pytest

from tests.fakes_observe import a_check, a_hook, a_request, an_analysis
from tests.unit.tally.test_counting import answer, failing, progress_after
from workflows import tally
from workflows.model.hook import HookAnswer, HookType
from workflows.model.observation import Ending

GATES = tuple(
    a_hook("http://gate", name, HookType.CONFIRM_PROMOTION) for name in ("first", "second")
)
REQUEST = a_request(an_analysis(a_check(), threshold=5), passes=None, gate=GATES)
YES, NO = (answer(HookType.CONFIRM_PROMOTION, ok=ok) for ok in (True, False))


def test_it_opens_when_all_say_yes_in_one_tick() -> None:
    progress = progress_after(tally.Findings(at=1, gate=(YES, YES)), request=REQUEST)
    assert tally.ended(REQUEST, progress) is Ending.GATE_OPEN


@pytest.mark.parametrize("seen", [[(YES, NO)], [(YES, NO), (NO, YES)], [(YES, YES), (YES, NO)]])
def test_it_stays_closed_while_one_says_no(seen: list[tuple[HookAnswer, ...]]) -> None:
    progress = progress_after(*(tally.Findings(at=1, gate=gate) for gate in seen), request=REQUEST)
    assert tally.ended(REQUEST, progress) is None
    assert progress.failed_checks == 0


def test_it_stays_closed_in_a_tick_that_failed() -> None:
    seen = failing().model_copy(update={"gate": (YES, YES)})
    assert tally.ended(REQUEST, progress_after(seen, request=REQUEST)) is None


def test_watching_without_hooks_never_ends_by_passing() -> None:
    request = a_request(an_analysis(), passes=None)
    progress = progress_after(*[tally.Findings(at=1)] * 50, request=request)
    assert tally.ended(request, progress) is None


def test_a_gate_is_asked_at_once_but_judges_after_an_interval() -> None:
    assert tally.first_tick_at(REQUEST, 100.0) == 100.0
    assert not tally.judges(REQUEST, tally.begin(REQUEST))
    assert tally.judges(REQUEST, progress_after(tally.Findings(at=1), request=REQUEST))
