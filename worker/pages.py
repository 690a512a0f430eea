"""What a cluster asks of a program over HTTP: is it alive, is it ready, what are its numbers.

Served by `worker.controller.serving` and `worker.kube_worker`.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from worker.settings import SettingsError

SHUTDOWN_GRACE = 2


def pages(registry: CollectorRegistry, is_ready: Callable[[], bool], missing: str) -> Starlette:
    """`/readyz` says what is `missing` until all is there; `/healthz` is Flagger's."""

    def healthz(_: Request) -> Response:
        return PlainTextResponse("OK")

    def readyz(_: Request) -> Response:
        if is_ready():
            return PlainTextResponse("OK")
        return PlainTextResponse(missing, status_code=503)

    def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ]
    )


class _Server(uvicorn.Server):
    """Leaves the signals to the command, which stops the program first."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def served(app: Starlette, port: int, setting: str, *, host: str = "") -> AsyncGenerator[int]:
    """Serve for the length of the block; gives the port, which `setting` was to say."""
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        message = f"{setting}: cannot listen on port {port}: {error.strerror}"
        raise SettingsError(message) from error
    serving = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=SHUTDOWN_GRACE,
        )
    )
    with listening:
        task = asyncio.create_task(serving.serve(sockets=[listening]), name="pages")
        try:
            yield int(listening.getsockname()[1])
        finally:
            serving.should_exit = True
            await task
