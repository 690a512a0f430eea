"""Pages that change while one looks at them: server-sent events with the pieces that are new.

Each event is JSON: the id of a place in the page, and what stands there now. What is the same for
everybody is drawn once for all who look.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request

from worker.gateway.identity import Person
from worker.gateway.pages.desk import Desk, slot_of
from worker.gateway.pages.overview_page import OverviewPage, Wanted
from worker.gateway.pages.rollout_page import RolloutPage, said
from worker.gateway.watching import KEPT_SLOTS, Sight
from workflows.model.identity import Slot
from workflows.model.status import RolloutStatus

HEARTBEAT = 15
LIFETIME = 60.0
"""Seconds of one stream: whoever has been signed out since looks no longer than that."""
RETRY_MS = 300
REDRAW = 5.0
"""Seconds after which the drawings that go with the clock are made again."""
Parts = dict[str, str]


@dataclass
class _Drawings:
    """The newest pieces of one rollout, for all who look at it."""

    sight: Sight
    at: float
    parts: Parts = field(default_factory=dict[str, str])


class LivePages:
    """`/live` and `/rollouts/…/live`."""

    def __init__(self, desk: Desk, rollout: RolloutPage, overview: OverviewPage) -> None:
        self._desk = desk
        self._rollout = rollout
        self._overview = overview
        self._drawn: dict[Slot, _Drawings] = {}

    async def overview(self, request: Request) -> EventSourceResponse:
        person = await self._desk.person(request)
        return self._stream(self._list(person, Wanted.of(request)), person)

    async def rollout(self, request: Request) -> EventSourceResponse:
        person = await self._desk.person(request)
        slot = slot_of(request, person)
        token = await self._desk.context.access.form_token(request)
        return self._stream(self._one(person, slot, token), person)

    def _stream(
        self, events: AsyncIterator[ServerSentEvent], person: Person
    ) -> EventSourceResponse:
        return EventSourceResponse(
            self._for_a_while(events, person),
            ping=HEARTBEAT,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _for_a_while(
        self, events: AsyncIterator[ServerSentEvent], person: Person
    ) -> AsyncIterator[ServerSentEvent]:
        """The browser asks again by itself, and is told then whether it still may look."""
        left = person.expires_at - self._desk.context.now() if person.expires_at else LIFETIME
        yield ServerSentEvent(comment="as of now", retry=RETRY_MS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(left, LIFETIME)):
                async for event in events:
                    yield event

    async def _list(self, person: Person, wanted: Wanted) -> AsyncIterator[ServerSentEvent]:
        before: Parts = {}
        async with self._desk.watcher.everything.following() as overviews:
            async for overview in overviews:
                parts = self._overview.parts(overview, person, wanted)
                if event := _news(before, parts):
                    yield event
                before = parts

    async def _one(self, person: Person, slot: Slot, token: str) -> AsyncIterator[ServerSentEvent]:
        before: Parts = {}
        status: RolloutStatus | None = None
        async with self._desk.watcher.rollout(slot).following() as sights:
            async for sight in sights:
                parts = self._parts(slot, sight)
                if sight.status is not None:
                    moves = self._rollout.moves(sight, person, token)
                    parts = parts | {"part-moves": moves}
                if event := _news(before, parts):
                    yield event
                if sight.status is not None and (words := said(status, sight.status)):
                    yield ServerSentEvent(event="say", data=words)
                before, status = before | parts, sight.status or status

    def _parts(self, slot: Slot, sight: Sight) -> Parts:
        """Drawn once for all who look at a slot, and only what is not as before."""
        now, drawn = self._desk.context.now(), self._drawn.get(slot)
        if drawn is not None and drawn.sight is sight and now - drawn.at <= REDRAW:
            return drawn.parts
        if drawn is not None and _same(drawn.sight, sight):
            parts = drawn.parts | self._rollout.of_moment(sight)
        else:
            parts = self._rollout.parts(sight)
        self._drawn.pop(slot, None)
        self._drawn[slot] = _Drawings(sight, now, parts)
        if len(self._drawn) > KEPT_SLOTS:
            del self._drawn[next(iter(self._drawn))]
        return parts


def _same(one: Sight, other: Sight) -> bool:
    """Whether two sights differ in no more than the guard's counts."""
    return replace(one, guard=other.guard, trouble=other.trouble) == other


def _news(before: Parts, parts: Parts) -> ServerSentEvent | None:
    fresh = {place: text for place, text in parts.items() if before.get(place) != text}
    return ServerSentEvent(event="show", data=json.dumps(fresh)) if fresh else None
