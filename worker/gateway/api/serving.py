"""Makes the API's routes of its table; called by `worker.gateway.app`."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from worker.gateway.api import openapi
from worker.gateway.api.endpoints import Nowhere, routes_of
from worker.gateway.api.keys import Keys
from worker.gateway.api.operations import Service
from worker.gateway.api.table import TABLE
from worker.gateway.context import GatewayContext
from worker.gateway.opening import state_of

BASE = "/api/v1"
KEYS = "api-keys.sqlite"


def routes(context: GatewayContext) -> list[BaseRoute]:
    """Everything under `/api/v1`; what nothing is at is a problem too."""
    keys = Keys(state_of(context.settings, context.gateway) / KEYS, context.now)
    service = Service(context, keys, context.watcher)
    described = JSONResponse(openapi.document(TABLE, BASE))

    def document(_: Request) -> Response:
        return described

    return [
        Route("/openapi.json", document),
        *routes_of(service, TABLE),
        Route("/{rest:path}", Nowhere()),
    ]
