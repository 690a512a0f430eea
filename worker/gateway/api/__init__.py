"""The HTTP API, mounted at `/api/v1` by `worker.gateway.app`."""

from worker.gateway.api.serving import routes

__all__ = ["routes"]
