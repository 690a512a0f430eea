"""The routes under /hooks; composed by `worker.gateway.app`."""

import time

from starlette.routing import BaseRoute, Route

from activities.local.home import Home
from worker.gateway.context import GatewayContext
from worker.gateway.kube_resources import KubeResources
from worker.gateway.receivers.coalescing import Coalescer
from worker.gateway.receivers.deliveries import Deliveries
from worker.gateway.receivers.knowing import Known
from worker.gateway.receivers.receiving import Receiving
from worker.gateway.receivers.secrets import KubeSecrets, LocalSecrets, Secrets
from worker.gateway.receivers.slack import SlackButtons
from workflows.model.trigger import Sender


def routes(context: GatewayContext) -> list[BaseRoute]:
    """One for each sender, and Slack's if it is set up."""
    known = Known.of(context.resources, _secrets(context))
    hand_over = Coalescer(Deliveries(context.client).hand_over, time.monotonic)
    receiving = Receiving(known, hand_over, context.now, time.monotonic)
    hooks: list[BaseRoute] = [
        Route(f"/{sender}/{{receiver}}", receiving.at(sender), methods=["POST"])
        for sender in Sender
    ]
    if context.gateway.slack is not None:
        buttons = SlackButtons(context, context.gateway.slack)
        hooks.append(Route("/slack", buttons.receive, methods=["POST"]))
    return hooks


def _secrets(context: GatewayContext) -> Secrets:
    """The keys lie where the triggers do."""
    if isinstance(context.resources, KubeResources):
        return KubeSecrets(context.resources.api)
    return LocalSecrets(Home(context.settings.home))
