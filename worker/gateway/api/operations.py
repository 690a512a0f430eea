"""What an operation of the API is, and how each request to one is answered.

An `Operation` is a row of `worker.gateway.api.table`: routing, checking, answering and the
OpenAPI document all come from it. Its handler gets a `Call` whose parts have been checked.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from worker.gateway.api import faults, reading
from worker.gateway.api.answers import Answer
from worker.gateway.api.keys import Kept, Keys, KeysLost, KeyTaken, key_of
from worker.gateway.context import GatewayContext
from worker.gateway.identity import NEEDED, Person
from worker.gateway.watching import Watcher
from worker.rollouts import NoAnswer, NoRollout, RolloutRefused
from workflows.model.identity import Slot
from workflows.model.status import Verb

P = TypeVar("P", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True)
class Service:
    """What every operation works with."""

    context: GatewayContext
    keys: Keys
    watcher: Watcher


@dataclass(frozen=True)
class Call(Generic[P, Q, B]):
    """One request that may be answered.

    `key` is the same for the same `Idempotency-Key` of the same person, else one of its own.
    """

    service: Service
    request: Request
    person: Person
    place: P
    query: Q
    body: B
    key: str
    if_match: str | None = None

    @property
    def context(self) -> GatewayContext:
        return self.service.context

    @property
    def digest(self) -> str:
        """The same for the same request."""
        url, body = self.request.url, self.body.model_dump_json()
        text = "\0".join((self.request.method, url.path, url.query, body))
        return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[P, Q, B]):
    """A method of a path: what it takes, what it gives, who may, and what does it."""

    name: str
    method: str
    path: str
    summary: str
    place: type[P]
    query: type[Q]
    body: type[B]
    gives: type[BaseModel] | None
    does: Callable[[Call[P, Q, B]], Awaitable[Answer | Response]]
    status: int = 200
    media: str = reading.JSON
    verb: Verb | None = None
    """The order whose role is needed; None means that seeing is enough."""
    body_needed: bool = False
    yaml: bool = False
    tagged: bool = False
    """Whether answers carry the step token."""
    guarded: bool = False
    """Whether `If-Match` is held against it."""
    refuses: tuple[int, ...] = ()
    """Statuses of its own, beside those that its parts bring."""

    @property
    def keyed(self) -> bool:
        return self.method == "POST"

    @property
    def takes_body(self) -> bool:
        return self.method in ("POST", "PUT")

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every status that this may answer with."""
        found = {self.status, *self.refuses, 400, 401, 406, 429, 503}
        if self.place.model_fields:
            found.add(404)
        if self.verb is not None:
            found.add(409)
        if self.guarded:
            found.add(412)
        if self.keyed:
            found.add(422)
        if self.takes_body:
            found |= {413, 415, 422}
        if self.method != "GET":
            found.add(403)
        return tuple(sorted(found))

    async def answer(self, service: Service, request: Request) -> Response:
        """Check every part of the request, then do it, once a key."""
        person = await service.context.access.who(request)
        if person is None:
            raise faults.unauthenticated()
        place = reading.place_of(request, self.place)
        self._allow(person, place)
        query = reading.query_of(request, self.query)
        if not reading.accepts(request, self.media):
            raise faults.not_acceptable(self.media)
        body = await self._body(request)
        key = reading.key_of(request) if self.keyed else None
        call = Call(
            service=service,
            request=request,
            person=person,
            place=place,
            query=query,
            body=body,
            key=key_of(person.name, key or faults.fresh()),
            if_match=reading.if_match_of(request) if self.guarded else None,
        )
        return await self._once(call) if key is not None else await self._do(call)

    def _allow(self, person: Person, place: P) -> None:
        if not isinstance(place, Slot):
            return
        if not person.may_see(place):
            raise faults.no_target(place)
        if self.verb is not None and not person.may(self.verb, place):
            raise faults.role_too_low(NEEDED[self.verb], place.key, self.name)

    async def _body(self, request: Request) -> B:
        if not self.takes_body:
            return self.body.model_validate({})
        return await reading.body_of(request, self.body, needed=self.body_needed, yaml=self.yaml)

    async def _do(self, call: Call[P, Q, B]) -> Response:
        try:
            answer = await self.does(call)
        except RolloutRefused as error:
            raise faults.conflict(str(error), reason=error.reason) from error
        except NoRollout as error:
            raise faults.not_found(str(error)) from error
        except NoAnswer as error:
            raise faults.unavailable(str(error)) from error
        return answer if isinstance(answer, Response) else answer.response(self.status)

    async def _once(self, call: Call[P, Q, B]) -> Response:
        """The first answer to this key, if there is one; only what was done is kept."""
        keys = call.service.keys
        try:
            async with keys.claimed(call.key, call.digest) as kept:
                if kept is not None:
                    return _again(kept)
                response = await self._do(call)
                if response.status_code < 300:
                    await keys.keep(call.key, _kept(response))
                return response
        except KeyTaken as error:
            raise faults.key_taken(str(error)) from error
        except KeysLost as error:
            raise faults.unavailable(str(error)) from error


def _kept(response: Response) -> Kept:
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Kept(
        status=response.status_code, headers=headers, body=bytes(response.body).decode("utf-8")
    )


def _again(kept: Kept) -> Response:
    headers = {**kept.headers, "idempotent-replayed": "true"}
    return Response(kept.body, kept.status, headers)


class Answering(Protocol):
    """An operation, whatever it takes and gives: what routes are made of."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...

    async def answer(self, service: Service, request: Request) -> Response: ...
