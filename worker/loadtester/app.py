"""The load tester's HTTP API, which Flagger's hooks call: tasks, gates, and what became of them.

Paths, status codes and task types are those of Flagger's load tester; `/tasks` and the
`Idempotency-Key` are ours. Composed by `worker.loadtester.server`.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from worker.loadtester.answers import Answer, Answers
from worker.loadtester.disk import StateError
from worker.loadtester.envelope import (
    Envelope,
    RefusedError,
    Task,
    TaskType,
    read_envelope,
    read_task,
)
from worker.loadtester.gates import GateKind, Gates
from worker.loadtester.tasks import Outcome, State, Tasks

BODY_LIMIT = 1_000_000
# Flagger's load tester does not look at the method, so hooks and scripts use any.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_OUTCOMES = TypeAdapter(list[Outcome])
_Endpoint = Callable[[Request], Coroutine[None, None, Response]]


class LoadTester:
    """The endpoints over one state folder."""

    def __init__(self, state: Path, timeout: float, namespaces: re.Pattern[str] | None) -> None:
        self._registry = CollectorRegistry()
        self._namespaces = namespaces
        self._gates = Gates(state)
        self._answers = Answers(state)
        self._tasks = Tasks(timeout, self._registry)

    def app(self) -> Starlette:
        """The ASGI application; its shutdown stops every task."""
        gates = [
            route
            for kind in GateKind
            for route in (
                _route(f"/{kind}/check", self._check(kind)),
                _route(f"/{kind}/open", self._turn(kind, is_open=True)),
                _route(f"/{kind}/close", self._turn(kind, is_open=False)),
            )
        ]
        return Starlette(
            routes=[
                _route("/", self.run),
                _route("/healthz", _always(200, "ok")),
                _route("/metrics", self.metrics),
                _route("/tasks", self.tasks),
                _route("/gate/approve", _always(200, "approved")),
                _route("/gate/halt", _always(403, "halted")),
                *gates,
            ],
            exception_handlers={RefusedError: _refused, StateError: _state_error},
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncGenerator[None]:
        yield
        await self._answers.close()
        await self._tasks.close()

    async def run(self, request: Request) -> Response:
        """Run the task that the body describes."""
        task = read_task(await self._envelope(request))
        key = request.headers.get("idempotency-key")
        if key is None:
            return await _while_connected(
                request, asyncio.create_task(self._answer(task)), own=True
            )
        found = self._answers.once(key, task.fingerprint, lambda: self._answer(task))
        if isinstance(found, Answer):
            return _response(found)
        return await _while_connected(request, found, own=False)

    async def _answer(self, task: Task) -> Answer:
        if task.type is TaskType.CMD:
            self._tasks.start(task)
            return Answer(status=202)
        outcome = await self._tasks.run(task)
        if outcome.state is State.DONE:
            return Answer(status=200, body=outcome.output if task.return_output else "")
        return Answer(status=500, body=outcome.output or f"{outcome.state}: {task.command}")

    async def tasks(self, _request: Request) -> Response:
        """The last tasks with their results, newest first."""
        content = _OUTCOMES.dump_json(self._tasks.outcomes(), indent=2)
        return Response(content, media_type="application/json")

    async def metrics(self, _request: Request) -> Response:
        """Counters in Prometheus' format."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    def _check(self, kind: GateKind) -> _Endpoint:
        async def check(request: Request) -> Response:
            is_open = self._gates.is_open(kind, (await self._envelope(request)).canary)
            return PlainTextResponse("open" if is_open else "closed", 200 if is_open else 403)

        return check

    def _turn(self, kind: GateKind, *, is_open: bool) -> _Endpoint:
        async def turn(request: Request) -> Response:
            canary = (await self._envelope(request)).canary
            await self._gates.ensure(kind, canary, is_open=is_open)
            return PlainTextResponse("open" if is_open else "closed", 202)

        return turn

    async def _envelope(self, request: Request) -> Envelope:
        # Tasks run any shell command: a web page open in a browser here must not start one.
        if "origin" in request.headers:
            raise RefusedError(403, "requests from web pages are refused")
        envelope = read_envelope(await _body(request))
        if self._namespaces is not None and not self._namespaces.search(envelope.namespace):
            raise RefusedError(403, f"namespace: {envelope.namespace!r} is not served here")
        return envelope


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise RefusedError(413, f"body: more than {BODY_LIMIT} bytes")
    return bytes(body)


async def _while_connected(request: Request, work: asyncio.Task[Answer], *, own: bool) -> Response:
    """The answer; a caller that goes away takes its own work with it, but not a keyed one."""
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        return _response(work.result() if work.done() else Answer(status=499, body="caller left"))
    finally:
        for task in (work, gone) if own else (gone,):
            task.cancel()
        await asyncio.gather(gone, *((work,) if own else ()), return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _response(answer: Answer) -> Response:
    return PlainTextResponse(answer.body, answer.status)


def _always(status: int, text: str) -> _Endpoint:
    async def answer(_request: Request) -> Response:
        return PlainTextResponse(text, status)

    return answer


def _route(path: str, endpoint: _Endpoint) -> Route:
    return Route(path, endpoint, methods=METHODS)


async def _refused(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, RefusedError) else 400
    return PlainTextResponse(str(error), status)


async def _state_error(_request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 500)
