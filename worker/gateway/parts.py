"""The parts of the gateway, and where each stands."""

from starlette.routing import BaseRoute, Mount

from worker.gateway import api, pages, receivers
from worker.gateway.context import GatewayContext
from worker.gateway.sign_in import routing as sign_in


def routes(context: GatewayContext) -> list[BaseRoute]:
    """Everything but the probes. The page comes last: it stands at the root."""
    return [
        Mount("/api/v1", routes=api.routes(context)),
        Mount("/hooks", routes=receivers.routes(context)),
        *sign_in.routes(context),
        *pages.routes(context),
    ]
