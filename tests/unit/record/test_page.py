"""The page of a record: a story for people."""

from tests.unit.record.runs import bad_run, good_run, guarded_run
from worker.record_page import markdown


def test_a_bad_release_says_which_limit_it_broke() -> None:
    page = markdown(bad_run().record())
    assert page.startswith("# default/shop: v2 rolled-back\n")
    assert "| request-success-rate | prometheus | 99 |" in page
    assert "request-success-rate is 80, wanted at least 99" in page
    assert "## Why it was taken back\n\nFailedChecksThresholdReached" in page


def test_a_guarded_release_shows_what_the_guard_counted() -> None:
    page = markdown(guarded_run().record())
    assert "the canary failed 40 of 100 requests (40.0%) in this step" in page


def test_a_good_release_shows_who_approved_it() -> None:
    page = markdown(good_run().record())
    assert "ana (claimed, temporal): approve at `confirm-promotion`" in page
    assert "ben (claimed, temporal): approve at `confirm-promotion`" in page
    assert "## Why" not in page


def test_nothing_that_people_type_breaks_a_table() -> None:
    record = good_run().record()
    asked = record.asked.model_copy(update={"by": "a|b\nc"})
    page = markdown(record.model_copy(update={"asked": asked}))
    assert "| asked by | a\\|b c |" in page
