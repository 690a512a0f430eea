"""Around every request: an id, one line in the log, safe headers, and an answer to every error.

The log names path, person and address; never a query, a cookie, a header or a token.
"""

import time
import uuid
from dataclasses import dataclass, field

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from worker.gateway import problems
from worker.gateway.access import Access, known_as
from worker.gateway.headers import protect
from worker.gateway.one_time import PATH as LINK
from worker.gateway.peers import address
from worker.gateway.problems import Problem
from worker.gateway.rendering import rendered
from worker.gateway.speaking import problem_of
from workflows.errors import ManifestError, Reason, SerinusError

REQUEST_ID = "X-Request-Id"
QUIET = ("/healthz", "/readyz", "/static/")
"""Asked all the time, worth no line."""
_AWAY = (Reason.CLUSTER_UNREACHABLE, Reason.CONFLICT)
log: structlog.stdlib.BoundLogger = structlog.get_logger("worker.gateway.requests")


@dataclass
class _Answer:
    """What was sent."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    status: int = 0
    bytes: int = 0


class Answering:
    """The outermost layer of the gateway."""

    def __init__(self, app: ASGIApp, access: Access, *, secure: bool) -> None:
        self._app = app
        self._access = access
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the rest answer; say what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer, began = _Answer(), time.monotonic()
        sending = self._sending(answer, send)
        with structlog.contextvars.bound_contextvars(request_id=answer.id):
            try:
                await self._app(scope, receive, sending)
            except Exception as error:
                if answer.status:
                    raise
                request = HTTPConnection(scope)
                response = await rendered(request, _problem(error), answer.id, self._access)
                await response(scope, receive, sending)
            finally:
                _tell(HTTPConnection(scope), answer, time.monotonic() - began)

    def _sending(self, answer: _Answer, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = answer.id
                protect(headers, secure=self._secure)
            elif message["type"] == "http.response.body":
                answer.bytes += len(message.get("body", b""))
            await send(message)

        return sending


def _problem(error: Exception) -> Problem:
    """What to answer; what nobody expected is told in full to the log, and to nobody else."""
    match error:
        case Problem():
            return error
        case ManifestError():
            return Problem(422, detail=str(error))
        case SerinusError():
            try:
                return problem_of(error)
            except SerinusError:
                log.exception("a request failed")
                return Problem(500, detail="this failed; the log of the gateway says why")
        case RPCError():
            log.warning("Temporal refused a request", error=error.message)
            return problems.unavailable("Temporal does not answer")
        case ApplicationError() if error.type in _AWAY:
            return problems.unavailable(error.message)
        case _:
            log.error("a request failed", exc_info=error)
            return Problem(500, detail="this failed; the log of the gateway says why")


def _tell(request: HTTPConnection, answer: _Answer, seconds: float) -> None:
    path: str = request.scope["path"]
    if path.startswith(QUIET) and answer.status < 400:
        return
    log.info(
        "request",
        method=request.scope["method"],
        path=LINK + "-" if path.startswith(LINK) else path,
        status=answer.status,
        bytes=answer.bytes,
        seconds=round(seconds, 4),
        address=address(request),
        person=known_as(request),
    )
