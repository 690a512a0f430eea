"""The web page: rollouts, their history, plan preview. Composed by `worker.gateway.app`."""

from worker.gateway.pages.routing import routes

__all__ = ["routes"]
