"""The gateway's ASGI application: its parts, and what stands before all of them.

Served by `worker.gateway.serving`. Every part gives `routes(context)`.
"""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from worker.gateway import parts
from worker.gateway.answering import Answering
from worker.gateway.context import GatewayContext
from worker.gateway.guarding import Guarding, Guards
from worker.gateway.observing import Observing, RequestMeters
from worker.gateway.peers import layers
from worker.gateway.problems import Problem
from worker.gateway.reaching import Reaching


def build(context: GatewayContext, meters: RequestMeters | None = None) -> Starlette:
    """Everything that one gateway serves; its requests are counted in `meters`."""
    temporal = Reaching(context.client)
    settings, doors = context.gateway, context.doors
    guards = Guards(settings, context.access, doors.limits if doors else None, temporal)
    return Starlette(
        routes=[*_probes(temporal), *parts.routes(context)],
        middleware=[
            Middleware(Observing, meters),
            *layers(settings.proxy.peers if settings.proxy else ()),
            Middleware(Answering, context.access, secure=settings.is_secure),
            Middleware(Guarding, guards),
        ],
        exception_handlers={HTTPException: _as_problem},
    )


def _probes(temporal: Reaching) -> list[BaseRoute]:
    def healthz(_: Request) -> Response:
        return PlainTextResponse("OK")

    async def readyz(_: Request) -> Response:
        if await temporal.serves():
            return PlainTextResponse("OK")
        return PlainTextResponse("Temporal does not answer", 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def _as_problem(_request: Request, error: Exception) -> Response:
    """What the router says (404, 405), said as everything else is."""
    if not isinstance(error, HTTPException):
        raise error
    raise Problem(error.status_code, headers=error.headers) from error
