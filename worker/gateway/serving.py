"""Runs one gateway: listens, follows its certificate, and ends within seconds when it is told to.

Called by `serinus gateway`; tests serve exactly this on a port of their own.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import structlog
import uvicorn
from starlette.applications import Starlette

from worker import connection
from worker.gateway import tls
from worker.gateway.app import build
from worker.gateway.kube_resources import open_resources
from worker.gateway.observing import RequestMeters
from worker.gateway.opening import open_context
from worker.gateway.settings import GatewaySettings
from worker.settings import Settings, SettingsError
from worker.telemetry import GATEWAY, open_telemetry

GRACE = 3
"""Seconds for requests that are under way; pages that only watch are ended then."""
BACKLOG = 2_048
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def run_gateway(settings: Settings, gateway: GatewaySettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; Temporal need not be there yet."""
    async with (
        open_telemetry(settings, GATEWAY, address=settings.metrics_gateway) as told,
        open_resources(settings) as resources,
    ):
        client = await connection.connect_later(settings, told.wiring)
        opening = partial(open_context, settings, gateway, client, resources=resources)
        context = await asyncio.to_thread(opening)
        meters = None if told.registry is None else RequestMeters(told.registry)
        async with served(build(context, meters), gateway) as port:
            log.info("the gateway listens", host=gateway.host, port=port, tls=gateway.has_tls)
            await stop.wait()


@asynccontextmanager
async def served(app: Starlette, gateway: GatewaySettings) -> AsyncGenerator[int]:
    """Serve for the length of the block; gives the port."""
    with _listening(gateway) as listening:
        async with _certified(gateway) as certified:
            server = _Server(_config(app, certified))
            serving = asyncio.create_task(server.serve(sockets=[listening]), name="gateway")
            try:
                yield int(listening.getsockname()[1])
            finally:
                server.should_exit = True
                await serving


def _config(app: Starlette, certified: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE,
        ssl_context_factory=None if certified is None else lambda _config, _default: certified,
    )


@asynccontextmanager
async def _certified(gateway: GatewaySettings) -> AsyncGenerator[ssl.SSLContext | None]:
    """The context of the certificate's files, which it follows; None without any."""
    pair = _pair(gateway)
    if pair is None:
        yield None
        return
    mark, context = await asyncio.to_thread(lambda: (_mark(pair), pair.context()))
    following = asyncio.create_task(tls.follow(pair, context, mark), name="certificate")
    try:
        yield context
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following


def _pair(gateway: GatewaySettings) -> tls.Pair | None:
    if gateway.tls_certificate is None or gateway.tls_key is None:
        return None
    return tls.Pair(gateway.tls_certificate, gateway.tls_key)


def _mark(pair: tls.Pair) -> tls.Mark:
    try:
        return pair.mark()
    except OSError as error:
        raise SettingsError(f"{error.filename}: cannot be read: {error.strerror}") from error


def _listening(gateway: GatewaySettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in gateway.host else socket.AF_INET
    try:
        return socket.create_server((gateway.host, gateway.port), family=family, backlog=BACKLOG)
    except OSError as error:
        message = f"cannot listen on {gateway.host} port {gateway.port}: {error.strerror}"
        raise SettingsError(f"SERINUS_GATEWAY__PORT: {message}") from error


class _Server(uvicorn.Server):
    """Leaves the signals to the command, which stops the program first."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
