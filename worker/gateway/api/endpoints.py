"""One route a path of the table: it finds the operation of the method, or says which there are."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from worker.gateway.api import faults
from worker.gateway.api.operations import Answering, Service

SAFE = ("GET", "HEAD")


class Endpoint:
    """An ASGI application for one path; Starlette would list the methods of one route only."""

    def __init__(self, service: Service, operations: Mapping[str, Answering]) -> None:
        self._service = service
        self._operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        method = request.method
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ", ".join(self._allowed)})
        found = self._operations.get("GET" if method == "HEAD" else method)
        if found is None:
            raise faults.wrong_method(method, self._allowed)
        response = await found.answer(self._service, request)
        if method == "HEAD":
            return Response(status_code=response.status_code, headers=dict(response.headers))
        return response

    @property
    def _allowed(self) -> tuple[str, ...]:
        head = ("HEAD",) if "GET" in self._operations else ()
        return (*self._operations, *head, "OPTIONS")


def routes_of(service: Service, table: tuple[Answering, ...]) -> list[Route]:
    """The routes of the table, one a path."""
    paths: dict[str, dict[str, Answering]] = {}
    for operation in table:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return [Route(path, Endpoint(service, methods)) for path, methods in paths.items()]


class Nowhere:
    """An ASGI application for paths at which nothing is."""

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Always 404."""
        raise faults.not_found("there is nothing at this path; see /api/v1/openapi.json")
