"""`POST /hooks/<sender>/<receiver>`: a delivery is proven, read, matched and handed to Temporal.

In this order, so that nothing of a body is read that nobody has vouched for. Answers 2xx only when
Temporal has it; what may be better in a moment is 503, what never will be is 4xx.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from temporalio.exceptions import ApplicationError

from worker.gateway import problems
from worker.gateway.problems import Problem
from worker.gateway.receivers.arriving import Arrived, orders_of, read, trusted
from worker.gateway.receivers.coalescing import Clock, Coalescer
from worker.gateway.receivers.deliveries import Handed, State, is_known
from worker.gateway.receivers.event import Event, Unreadable
from worker.gateway.receivers.knowing import Known
from worker.gateway.receivers.matching import Wanted, wanted
from worker.gateway.receivers.signing import keys_of, proven
from worker.rollouts import NoAnswer
from workflows.errors import ManifestError
from workflows.model.delivery import DeliveryInput
from workflows.model.trigger import MEMORY, Sender, Trigger

BODY_LIMIT = 3 * 1024 * 1024
FUTURE = 300.0
"""Seconds by which a sender's clock may be ahead."""
RETRY_AFTER = 2.0
Endpoint = Callable[[Request], Awaitable[Response]]
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Receiving:
    """The endpoint. `now` gives seconds since 1970, `clock` seconds that only grow."""

    def __init__(self, known: Known, hand_over: Coalescer, now: Clock, clock: Clock) -> None:
        self._known = known
        self._hand_over = hand_over
        self._now = now
        self._clock = clock

    def at(self, sender: Sender) -> Endpoint:
        """The endpoint of all receivers of one sender."""

        async def receive(request: Request) -> Response:
            try:
                return await self._receive(sender, request)
            except (ApplicationError, ManifestError) as error:
                _log.error("delivery.no_platform", why=str(error))
                why = "the triggers and targets of this platform cannot be read"
                raise problems.unavailable(why, RETRY_AFTER) from error

        return receive

    async def _receive(self, sender: Sender, request: Request) -> Response:
        begun, name = self._clock(), request.path_params["receiver"]
        triggers = await self._triggers(sender, name, begun)
        headers = {key.lower(): value for key, value in request.headers.items()}
        arrived = Arrived(sender, headers, await read_body(request, BODY_LIMIT), self._now())
        try:
            vouched = trusted(await self._vouched(triggers, arrived, name), arrived)
            event = read(arrived)
            self._refuse_strange_times(event)
            found = await self._wanted(vouched, event, begun)
            orders = orders_of(event, found, self._now())
        except Unreadable as error:
            raise Problem(error.status, detail=str(error)) from error
        return await self._answer(event, orders, _window(vouched))

    async def _triggers(self, sender: Sender, name: str, begun: float) -> Sequence[Trigger]:
        for since in (None, begun):
            found = await self._known.triggers.get(since=since)
            mine = [each for each in found if _comes_to(each, sender, name)]
            if mine:
                return mine
        raise problems.not_found(f"no Trigger has a receiver {sender}/{name}")

    async def _vouched(
        self, triggers: Sequence[Trigger], arrived: Arrived, name: str
    ) -> Sequence[Trigger]:
        """The triggers that this delivery proves a key of: the keys of others are not its own."""
        found: list[Trigger] = []
        missing = ""
        for trigger in triggers:
            receiver, namespace = trigger.spec.receiver, trigger.metadata.namespace
            try:
                secret = await self._known.secrets.read(namespace, receiver.secret_ref.name)
            except ApplicationError as error:
                missing = error.message
                _log.error("trigger.without_key", trigger=trigger.key, why=missing)
                continue
            if proven(receiver, keys_of(receiver, secret), arrived.headers, arrived.body):
                found.append(trigger)
        if found:
            return found
        if missing:
            raise problems.unavailable("the keys of this receiver cannot be read", RETRY_AFTER)
        _log.warning("delivery.not_proven", receiver=f"{arrived.sender}/{name}")
        raise problems.unauthenticated("the delivery proves no key of this receiver")

    def _refuse_strange_times(self, event: Event) -> None:
        """Beyond these nobody could say any more whether it came before."""
        age = 0.0 if event.at is None else self._now() - event.at
        if age > MEMORY.total_seconds():
            raise problems.conflict(f"this happened {age:.0f} s ago, too long to be told from new")
        if age < -FUTURE:
            raise Problem(422, detail=f"timestamp: lies {-age:.0f} s ahead; mend the clock")

    async def _wanted(
        self, triggers: Sequence[Trigger], event: Event, begun: float
    ) -> Sequence[Wanted]:
        for since in (None, begun):
            found = wanted(triggers, event, await self._known.targets.get(since=since))
            if found:
                return found
        return ()

    async def _answer(
        self, event: Event, orders: Sequence[DeliveryInput], window: float
    ) -> Response:
        try:
            handed = await asyncio.gather(*(self._hand_over(order) for order in orders))
        except NoAnswer as error:
            raise problems.unavailable(str(error), RETRY_AFTER) from error
        stale = event.at is not None and self._now() - event.at > window
        if stale and is_known(handed):
            raise problems.conflict("a delivery of long ago, and it came before: nothing is done")
        _log.info("delivery.taken", what=event.summary, orders=len(handed))
        accepted = any(each.state is State.ACCEPTED for each in handed)
        return JSONResponse(_said(handed), 202 if accepted else 200)


async def read_body(request: Request, limit: int) -> bytes:
    """The body as it came, counted while it comes."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise problems.too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise problems.too_large(limit)
    return bytes(body)


def _comes_to(trigger: Trigger, sender: Sender, name: str) -> bool:
    return trigger.spec.receiver.type is sender and trigger.receiver == name


def _window(triggers: Sequence[Trigger]) -> float:
    """The shortest of theirs, in seconds."""
    return min(each.spec.receiver.replay_window.total_seconds() for each in triggers)


def _said(handed: Sequence[Handed]) -> dict[str, JsonValue]:
    orders: list[JsonValue] = [
        {
            "target": each.order.slot.key,
            "action": each.order.action,
            "state": each.state,
            "words": each.words,
            "workflow": each.order.workflow_id,
        }
        for each in handed
    ]
    words = "" if handed else "no target is meant by this event"
    return {"orders": orders, **({"words": words} if words else {})}
