"""An observation outlives its workers."""

import asyncio
import time

import pytest
from temporalio.exceptions import ApplicationError

from tests.activities.observe.conftest import Attempt
from tests.fakes_observe import (
    HookReceiver,
    RememberingRoutes,
    a_hook,
    a_request,
    an_analysis,
)
from workflows.errors import Reason, failure
from workflows.model.observation import Ending, ObserveProgress
from workflows.model.requests import RoutesEnsured

LONG = 3_600.0


def on_the_wire(progress: ObserveProgress) -> object:
    details: object = progress.model_dump(mode="json")
    return details


async def test_the_next_worker_goes_on_at_the_same_tick_and_repeats_no_hook(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    request = a_request(an_analysis(hooks=(a_hook(receiver.at("/load")),)), passes=4)
    down = failure(Reason.ROUTER_DOWN, "the router does not answer", retryable=True)
    fine = RoutesEnsured(changed=False)
    attempt.routes = RememberingRoutes(fine, fine, fine, down)
    with pytest.raises(ApplicationError, match="router"):
        await attempt.run(request)
    observation = await attempt.run(request, on_the_wire(attempt.heartbeats[-1]))
    assert (observation.ending, observation.ticks) == (Ending.PASSED, 4)
    assert [key.split("/")[2] for key in receiver.keys("/load")] == ["1", "2", "3", "4"]


async def test_a_hook_in_flight_is_called_again_under_the_same_key(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    hook = a_hook(receiver.at("/load", asyncio.Event()))
    request = a_request(an_analysis(hooks=(hook,)), passes=1)
    lost = asyncio.create_task(attempt.run(request))
    await receiver.came.wait()
    lost.cancel()
    await asyncio.wait([lost])
    receiver.at("/load")
    await attempt.run(request, on_the_wire(attempt.heartbeats[-1]))
    first, again = receiver.keys("/load")
    assert first == again


async def test_after_a_long_absence_there_is_one_tick_at_once_and_no_burst(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    request = a_request(an_analysis(hooks=(a_hook(receiver.at("/load")),), interval=LONG), passes=9)
    progress = ObserveProgress(ticks=2, passes=2, next_tick_at=time.time() - 20 * LONG)
    ticked = asyncio.Event()

    def seen(beat: ObserveProgress) -> None:
        if beat.ticks > 2:
            ticked.set()

    attempt.on_heartbeat = seen
    running = asyncio.create_task(attempt.run(request, on_the_wire(progress)))
    await ticked.wait()
    running.cancel()
    await asyncio.wait([running])
    assert [key.split("/")[2] for key in receiver.keys("/load")] == ["3"]
    assert attempt.heartbeats[-1].next_tick_at > time.time() + LONG / 2


async def test_a_tick_that_was_due_later_is_not_brought_forward(attempt: Attempt) -> None:
    request = a_request(an_analysis(interval=LONG))
    progress = ObserveProgress(ticks=2, passes=2, next_tick_at=time.time() + LONG / 2)
    attempt.on_heartbeat = lambda beat: attempt.env.worker_shutdown()
    with pytest.raises(ApplicationError):
        await attempt.run(request, on_the_wire(progress))
    assert attempt.heartbeats[-1] == progress


async def test_an_end_that_was_reached_but_not_reported_is_reported_without_another_tick(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    request = a_request(an_analysis(hooks=(a_hook(receiver.at("/load")),)), passes=2)
    await attempt.run(request)
    again = await attempt.run(request, on_the_wire(attempt.heartbeats[-1]))
    assert (again.ending, again.ticks) == (Ending.PASSED, 2)
    assert len(receiver.received) == 2


async def test_a_heartbeat_that_cannot_be_read_means_to_start_over(attempt: Attempt) -> None:
    request = a_request(an_analysis(), passes=2, failed_checks=1)
    observation = await attempt.run(request, {"ticks": "many"})
    assert (observation.ticks, observation.failed_checks) == (2, 1)


async def test_a_stopping_worker_hands_over_while_waiting(attempt: Attempt) -> None:
    attempt.on_heartbeat = lambda beat: attempt.env.worker_shutdown()
    with pytest.raises(ApplicationError) as raised:
        await attempt.run(a_request(an_analysis(interval=LONG)))
    assert raised.value.type == Reason.WORKER_SHUTDOWN
    assert not raised.value.non_retryable


async def test_a_stopping_worker_hands_over_in_the_middle_of_a_tick(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    hook = a_hook(receiver.at("/load", asyncio.Event()))
    running = asyncio.create_task(attempt.run(a_request(an_analysis(hooks=(hook,)))))
    await receiver.came.wait()
    attempt.env.worker_shutdown()
    with pytest.raises(ApplicationError) as raised:
        await running
    assert raised.value.type == Reason.WORKER_SHUTDOWN
    assert attempt.heartbeats[-1].ticks == 0


async def test_cancelling_ends_a_hook_in_flight(attempt: Attempt, receiver: HookReceiver) -> None:
    hook = a_hook(receiver.at("/load", asyncio.Event()))
    running = asyncio.create_task(attempt.run(a_request(an_analysis(hooks=(hook,)))))
    await receiver.came.wait()
    attempt.env.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_each_tick_is_heartbeat_before_the_next_begins(
    attempt: Attempt, receiver: HookReceiver
) -> None:
    called_after: list[int] = []
    receiver.on_request = lambda: called_after.append(attempt.heartbeats[-1].ticks)
    hook = a_hook(receiver.at("/load"))
    await attempt.run(a_request(an_analysis(hooks=(hook,)), passes=3))
    assert called_after == [0, 1, 2]
    assert attempt.heartbeats[-1].ticks == 3
