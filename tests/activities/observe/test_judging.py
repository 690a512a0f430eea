"""What an observation does at its ticks, and how it ends."""

import asyncio

import pytest
from aiohttp import web
from temporalio.exceptions import ApplicationError

from tests.activities.observe.conftest import Attempt
from tests.fakes_observe import (
    HookReceiver,
    RememberingRoutes,
    ScriptedChecks,
    a_check,
    a_hook,
    a_request,
    an_analysis,
)
from workflows.errors import Reason, failure
from workflows.model.hook import HookType
from workflows.model.observation import Ending
from workflows.model.plan import Routes
from workflows.model.requests import RoutesEnsured


async def test_a_healthy_canary_passes(attempt: Attempt) -> None:
    observation = await attempt.run(a_request(an_analysis(a_check()), passes=3))
    assert observation.ending is Ending.PASSED
    assert (observation.ticks, observation.failed_checks) == (3, 0)
    assert attempt.checks.asked == ["request-success-rate"] * 3


async def test_the_routes_are_written_before_the_first_tick_and_again_at_each(
    attempt: Attempt,
) -> None:
    await attempt.run(a_request(an_analysis(), passes=2))
    assert [asked.routes for asked in attempt.routes.asked] == [Routes(primary=90, canary=10)] * 3


async def test_drift_is_repaired_and_counted(attempt: Attempt) -> None:
    well, drifted = RoutesEnsured(changed=True), RoutesEnsured(changed=True, drifted=True)
    attempt.routes = RememberingRoutes(well, well, drifted, drifted)
    observation = await attempt.run(a_request(an_analysis(), passes=3))
    assert observation.evidence.drift == 2
    assert attempt.heartbeats[-1].evidence.drift == 2


async def test_reaching_the_threshold_ends_the_step_at_once(attempt: Attempt) -> None:
    attempt.checks = ScriptedChecks(50.0)
    request = a_request(an_analysis(a_check(), threshold=2), passes=5)
    observation = await attempt.run(request)
    assert observation.ending is Ending.FAILED
    assert (observation.ticks, observation.failed_checks) == (2, 2)
    assert observation.reason is Reason.FAILED_CHECKS
    assert observation.evidence.first_failure is not None


async def test_every_tick_is_told_with_what_was_counted(attempt: Attempt) -> None:
    attempt.checks = ScriptedChecks(100.0, 50.0, 50.0)
    await attempt.run(a_request(an_analysis(a_check(), threshold=2), passes=5))
    assert attempt.told == [0, 1, 2]


async def test_failed_checks_need_not_follow_each_other(attempt: Attempt) -> None:
    attempt.checks = ScriptedChecks(50.0, 100.0, 50.0, 100.0)
    observation = await attempt.run(a_request(an_analysis(a_check(), threshold=2), passes=5))
    assert (observation.ending, observation.ticks) == (Ending.FAILED, 3)


async def test_a_failed_tick_does_not_count_as_passed(attempt: Attempt) -> None:
    attempt.checks = ScriptedChecks(100.0, 50.0, 100.0)
    observation = await attempt.run(a_request(an_analysis(a_check(), threshold=2), passes=2))
    assert (observation.ending, observation.ticks) == (Ending.PASSED, 3)


async def test_hooks_get_the_envelope_and_a_key_of_run_step_tick_and_hook(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    hook = a_hook(receiver.at("/load")).model_copy(update={"metadata": {"cmd": "hey"}})
    await attempt.run(a_request(an_analysis(hooks=(hook,)), passes=2))
    assert receiver.received[0].payload == {
        "name": "shop",
        "namespace": "default",
        "phase": "Progressing",
        "checksum": "abc",
        "metadata": {"cmd": "hey"},
    }
    assert receiver.keys("/load") == [
        "run-1/weight%2010.7/1/load-test",
        "run-1/weight%2010.7/2/load-test",
    ]


async def test_checks_and_hooks_of_a_tick_run_at_the_same_time(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    first, second = asyncio.Event(), asyncio.Event()

    def both_came() -> None:
        if {"/a", "/b"} <= {request.path for request in receiver.received}:
            first.set()
            second.set()

    receiver.on_request = both_came
    hooks = (
        a_hook(receiver.at("/a", first), "a"),
        a_hook(receiver.at("/b", second), "b", HookType.PRE_ROLLOUT),
    )
    observation = await attempt.run(a_request(an_analysis(hooks=hooks), passes=1))
    assert observation.ending is Ending.PASSED


async def test_several_failures_in_a_tick_are_one_failed_check(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    attempt.checks = ScriptedChecks(50.0)
    hook = a_hook(receiver.at("/load", web.Response(status=500)))
    request = a_request(an_analysis(a_check(), a_check("other"), hooks=(hook,), threshold=1))
    assert (await attempt.run(request)).failed_checks == 1


async def test_a_failing_hook_is_a_failed_check_with_its_answer_in_the_evidence(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    hook = a_hook(receiver.at("/load", web.Response(status=500, text="no acceptance")))
    observation = await attempt.run(a_request(an_analysis(hooks=(hook,), threshold=1)))
    assert observation.reason is Reason.HOOK_FAILED
    (answer,) = observation.evidence.ticks[-1].answers
    assert (answer.status, answer.body) == (500, "no acceptance")


async def test_a_rollback_hook_ends_the_step_when_it_says_yes(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    url = receiver.at("/rollback", web.Response(status=403))
    hook = a_hook(url, "page", HookType.ROLLBACK)
    observation = await attempt.run(a_request(an_analysis(rollback=(hook,)), passes=None))
    assert observation.ending is Ending.ROLLBACK_HOOK
    assert (observation.ticks, observation.failed_checks) == (2, 0)


async def test_a_gate_opens_when_its_hook_says_yes(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    closed = [web.Response(status=403) for _ in range(2)]
    gate = a_hook(receiver.at("/gate", *closed), "gate", HookType.CONFIRM_PROMOTION)
    observation = await attempt.run(a_request(an_analysis(a_check()), passes=None, gate=(gate,)))
    assert observation.ending is Ending.GATE_OPEN
    assert (observation.ticks, observation.failed_checks) == (3, 0)
    assert len(attempt.checks.asked) == 2


async def test_a_waiting_gate_still_fails_on_checks(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    attempt.checks = ScriptedChecks(50.0)
    closed = [web.Response(status=403) for _ in range(9)]
    gate = a_hook(receiver.at("/gate", *closed), "gate", HookType.CONFIRM_PROMOTION)
    observation = await attempt.run(a_request(an_analysis(a_check()), passes=None, gate=(gate,)))
    assert observation.ending is Ending.FAILED


async def test_a_tick_without_checks_and_hooks_passes(attempt: Attempt) -> None:
    assert (await attempt.run(a_request(an_analysis(), passes=1))).ending is Ending.PASSED


async def test_who_was_overtaken_calls_no_hook_and_ends(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    fenced = failure(Reason.FENCED, "a newer write came first", retryable=False)
    attempt.routes = RememberingRoutes(RoutesEnsured(changed=True), fenced)
    request = a_request(an_analysis(hooks=(a_hook(receiver.at("/load")),)))
    with pytest.raises(ApplicationError) as raised:
        await attempt.run(request)
    assert (raised.value.type, raised.value.non_retryable) == (Reason.FENCED, True)
    assert receiver.received == []


async def test_an_error_of_a_check_fails_the_attempt_by_itself(attempt: Attempt) -> None:
    attempt.checks = ScriptedChecks(failure(Reason.SECRET_MISSING, "no secret", retryable=True))
    with pytest.raises(ApplicationError) as raised:
        await attempt.run(a_request(an_analysis(a_check())))
    assert raised.value.type == Reason.SECRET_MISSING
