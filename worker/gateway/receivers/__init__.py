"""Ways in for machines: Flux, CloudEvents, plain hooks, and the buttons of Slack."""

from worker.gateway.receivers.routing import routes

__all__ = ["routes"]
