"""An event is about the rollout that ran when it happened, and about no later one."""

import pytest

from tests.unit.cli.statuses import BEGAN, SLOT, a_status, ended
from worker.delivering import NOTHING_RUNS, SKEW, overtaken
from workflows.model.delivery import DeliveryInput
from workflows.model.requests import Outcome, TargetLook
from workflows.model.status import Entry, Verb
from workflows.model.trigger import TriggerAction

VERBS = (Verb.PAUSE, Verb.RESUME, Verb.ABORT)


def at(moment: float) -> DeliveryInput:
    return DeliveryInput(slot=SLOT, id="d", action=TriggerAction.ABORT, at=moment)


@pytest.mark.parametrize("verb", VERBS)
def test_a_rollout_that_began_later_is_left_alone(verb: Verb) -> None:
    late = overtaken(at(BEGAN - SKEW - 0.1), verb, a_status())
    assert late is not None
    assert "began after this event" in late
    assert overtaken(at(BEGAN - SKEW), verb, a_status()) is None


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_over_is_nothing_that_runs(verb: Verb) -> None:
    assert overtaken(at(BEGAN + 99), verb, ended(Outcome.PROMOTED)) == NOTHING_RUNS


def test_an_old_word_to_go_on_does_not_undo_a_newer_pause() -> None:
    paused = Entry(at=BEGAN + 60, actor="ana", action=Verb.PAUSE)
    status = a_status(entries=(paused,), paused=True)
    assert overtaken(at(BEGAN + 30), Verb.RESUME, status) is not None
    assert overtaken(at(BEGAN + 90), Verb.RESUME, status) is None
    assert overtaken(at(BEGAN + 30), Verb.ABORT, status) is None


@pytest.mark.parametrize(
    ("holds", "promoted", "looked", "failed", "news"),
    [
        ("v3", "v2", "v2", None, True),
        ("v3", None, None, None, True),
        ("v2", "v2", "v2", None, False),
        ("v3", "v2", "v3", None, False),
        ("v3", "v2", None, "v3", False),
        (None, "v2", "v2", None, False),
    ],
)
def test_news_is_what_no_run_has_looked_at(
    holds: str | None, promoted: str | None, looked: str | None, failed: str | None, news: bool
) -> None:
    seen = TargetLook(
        revision=holds, promoted_revision=promoted, looked_revision=looked, failed_revision=failed
    )
    assert seen.is_news is news
