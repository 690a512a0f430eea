"""The guard ends a step between ticks."""

import asyncio

import pytest
from temporalio.exceptions import ApplicationError

from tests.activities.observe.conftest import Attempt
from tests.fakes_observe import (
    HookReceiver,
    ScriptedFeed,
    a_check,
    a_hook,
    a_request,
    an_analysis,
    bad_looks,
)
from workflows.errors import Reason
from workflows.model.live import Counts, GuardRule, Look
from workflows.model.observation import Ending, ObserveProgress

LONG = 3_600.0


async def test_a_plainly_bad_canary_ends_the_step_before_the_first_tick(attempt: Attempt) -> None:
    feed = ScriptedFeed(bad_looks())
    attempt.live = feed
    observation = await attempt.run(a_request(an_analysis(interval=LONG), guarded=True))
    assert observation.ending is Ending.GUARD
    assert observation.reason is Reason.GUARD_ERRORS
    assert observation.evidence.trip is not None
    assert observation.ticks == 0
    assert feed.followers == 0


async def test_it_ends_a_step_in_the_middle_of_a_tick(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    attempt.live = ScriptedFeed(bad_looks())
    hook = a_hook(receiver.at("/load", asyncio.Event()))
    request = a_request(an_analysis(hooks=(hook,), interval=LONG), at_once=True, guarded=True)
    assert (await attempt.run(request)).ending is Ending.GUARD


@pytest.mark.parametrize("rule", [GuardRule(enabled=False), None])
async def test_it_keeps_still_where_it_is_off(attempt: Attempt, rule: GuardRule | None) -> None:
    attempt.live = ScriptedFeed(bad_looks())
    analysis = an_analysis(a_check())
    if rule is not None:
        analysis = analysis.model_copy(update={"guard": rule})
    request = a_request(analysis, passes=2, guarded=rule is not None)
    assert (await attempt.run(request)).ending is Ending.PASSED


async def test_looks_of_before_the_step_do_not_trip_it(attempt: Attempt) -> None:
    attempt.live = ScriptedFeed([], history=bad_looks())
    observation = await attempt.run(a_request(an_analysis(), passes=2, guarded=True))
    assert observation.ending is Ending.PASSED
    assert attempt.heartbeats[-1].guard is None


async def test_a_primary_that_was_bursty_before_the_step_makes_it_careful(
    attempt: Attempt,
) -> None:
    bursts = [
        Look(at=number / 2, primary=Counts(requests=450, failed=200 * (number % 20 == 0)))
        for number in range(240)
    ]
    attempt.live = ScriptedFeed(bad_looks(count=4), history=bursts)
    observation = await attempt.run(a_request(an_analysis(), passes=1, guarded=True))
    assert observation.ending is Ending.PASSED
    attempt.live = ScriptedFeed(bad_looks(count=4))
    observation = await attempt.run(a_request(an_analysis(), passes=1, guarded=True))
    assert observation.ending is Ending.GUARD


async def test_counters_are_followed_for_checks_too_but_not_by_a_plain_gate(
    attempt: Attempt,
) -> None:
    feed = attempt.live = ScriptedFeed(bad_looks())
    await attempt.run(a_request(an_analysis(a_check()), passes=1))
    assert feed.followed == 1
    await attempt.run(a_request(an_analysis(), passes=1))
    assert feed.followed == 1


async def test_what_it_saw_travels_to_the_next_worker(attempt: Attempt) -> None:
    looks = bad_looks(count=8)
    attempt.live = ScriptedFeed(looks[:2])
    request = a_request(an_analysis(), passes=1, guarded=True)
    await attempt.run(request)
    seen = attempt.heartbeats[-1].guard
    assert seen is not None
    assert seen.canary.failed == 50
    attempt.live = ScriptedFeed(looks[2:3])
    progress = ObserveProgress(guard=seen, next_tick_at=0.0)
    waiting = a_request(an_analysis(interval=LONG), guarded=True)
    observation = await attempt.run(waiting, progress.model_dump(mode="json"))
    assert observation.ending is Ending.GUARD


async def test_counters_that_come_to_an_end_fail_the_attempt(attempt: Attempt) -> None:
    attempt.live = ScriptedFeed([], broken=True)
    with pytest.raises(ApplicationError, match="live counters") as raised:
        await attempt.run(a_request(an_analysis(interval=LONG), guarded=True))
    assert not raised.value.non_retryable


async def test_why_the_guard_sees_no_requests_stands_in_the_evidence(attempt: Attempt) -> None:
    feed = ScriptedFeed([])
    feed.blind = "the pods of the canary cannot be scraped"
    attempt.live = feed
    observation = await attempt.run(a_request(an_analysis(), passes=2, guarded=True))
    assert observation.evidence.blind == "the pods of the canary cannot be scraped"
