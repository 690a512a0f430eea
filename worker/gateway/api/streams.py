"""Following a rollout: its status as server-sent events, until it is over.

Events are `status` (its data is what `GET` of the rollout gives), then `over`, or `lost` with a
problem if the run ended without an outcome. A stream also ends after a while, so that rights are
asked again; whoever goes on looking connects again.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent

from worker import rollouts
from worker.gateway.api.answers import content_of
from worker.gateway.api.operations import Call
from worker.gateway.api.shapes import Nothing
from worker.gateway.api.step_tokens import step_token
from worker.rollouts import NoAnswer, NoRollout, RolloutRefused
from workflows.model.identity import Slot
from workflows.model.status import RolloutStatus

PING = 15
"""Seconds after which a silent stream says that it is there."""
LONGEST = 900.0
QUIET = 5.0
"""Seconds without a change after which it is asked whether the run is still running."""
SETTLES = 0.3
"""The same once there is an outcome: the run is about to close, or to begin again."""


async def follow(call: Call[Slot, Nothing, Nothing]) -> EventSourceResponse:
    """Every new status of a rollout."""
    # What is not there is said by a status code, before anything is streamed.
    await rollouts.status(call.context.client, call.place)
    return EventSourceResponse(_events(call), ping=PING, headers={"cache-control": "no-store"})


async def _events(call: Call[Slot, Nothing, Nothing]) -> AsyncGenerator[ServerSentEvent, None]:
    until = call.context.now() + LONGEST
    if call.person.expires_at:
        until = min(until, call.person.expires_at)
    async with call.service.watcher.following(call.place) as statuses:
        looking = asyncio.create_task(_next(statuses))
        last: RolloutStatus | None = None
        try:
            while call.context.now() < until:
                quiet = QUIET if last is None or last.outcome is None else SETTLES
                await asyncio.wait((looking,), timeout=quiet)
                if looking.done():
                    last = looking.result()
                    looking = asyncio.create_task(_next(statuses))
                    yield _status(last)
                elif (end := await _end(call, last)) is not None:
                    for event in end:
                        yield event
                    return
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


async def _next(statuses: AsyncIterator[RolloutStatus]) -> RolloutStatus:
    return await anext(statuses)


async def _end(
    call: Call[Slot, Nothing, Nothing], last: RolloutStatus | None
) -> list[ServerSentEvent] | None:
    """The last events of a run that is over; None while it runs, or nobody can say."""
    client, slot = call.context.client, call.place
    try:
        if await rollouts.is_running(client, slot):
            return None
        final = await rollouts.status(client, slot)
        events = [] if final == last else [_status(final)]
        if final.outcome is not None:
            return [*events, ServerSentEvent(event="over", data="{}")]
        problem = {"detail": await rollouts.ending(client, slot)}
        return [*events, ServerSentEvent(event="lost", data=json.dumps(problem))]
    except (NoAnswer, NoRollout, RolloutRefused):
        return None


def _status(status: RolloutStatus) -> ServerSentEvent:
    """The id is the step token: it changes when the rollout moves on."""
    data = json.dumps(content_of(status), ensure_ascii=False, separators=(",", ":"))
    return ServerSentEvent(event="status", id=step_token(status).strip('"'), data=data)
