"""The demo service: a small web shop that can be told to misbehave.

Started by `python -m worker.stack.shop` with a PORT, as every local Process; the demo and the
integration tests release versions of it. Faults come from the environment or, while it runs,
from `POST /fault`. It imports little, because a canary has to be up before users wait for it.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from time import perf_counter
from types import FrameType

import uvicorn
import uvloop
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from starlette.config import Config
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Handler = Callable[[Request], Awaitable[Response]]

CRASHED = 70
DRAIN = 0.3
"""Seconds between SIGTERM and closing the port: answers then say `connection: close`."""
FAULTS = ("errorRate", "latencyMs", "crashAfter", "notReady")


class Faults:
    """What goes wrong. Errors are spread evenly: a rate of 0.25 fails every fourth request."""

    def __init__(self, error_rate: float, latency_ms: float, not_ready: bool) -> None:
        """Start as the environment says."""
        self.error_rate = error_rate
        self.latency_ms = latency_ms
        self.not_ready = not_ready
        self._owed = 0.0

    def next_fails(self) -> bool:
        self._owed += self.error_rate
        fails = self._owed >= 1
        self._owed -= fails
        return fails

    def shown(self) -> dict[str, float | bool]:
        return {
            "errorRate": self.error_rate,
            "latencyMs": self.latency_ms,
            "notReady": self.not_ready,
        }


class Shop:
    """The ASGI application: four paths, no routing table to import."""

    def __init__(self, version: str, faults: Faults) -> None:
        """Take the version that every answer names."""
        self.version = version
        self.faults = faults
        self.draining = False
        self.in_flight = 0
        registry = CollectorRegistry()
        self._registry = registry
        self._requests = Counter(
            "shop_requests", "Answered requests.", ["version", "status"], registry=registry
        )
        self._seconds = Histogram("shop_request_seconds", "Time to answer.", registry=registry)
        self._paths: dict[str, Handler] = {
            "/readyz": self._ready,
            "/metrics": self._metrics,
            "/fault": self._fault,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; every path that is not special is a page of the shop."""
        request = Request(scope, receive)
        response = await self._paths.get(scope["path"], self._page)(request)
        if self.draining:
            response.headers["connection"] = "close"
        await response(scope, receive, send)

    async def _page(self, request: Request) -> Response:
        began = perf_counter()
        if self.faults.latency_ms:
            self.in_flight += 1
            await asyncio.sleep(self.faults.latency_ms / 1000)
            self.in_flight -= 1
        status = 500 if self.faults.next_fails() else 200
        self._requests.labels(self.version, str(status)).inc()
        self._seconds.observe(perf_counter() - began)
        answer = {"service": "shop", "version": self.version, "path": request.url.path}
        if status != 200:
            answer["error"] = "the demo was told to fail this request"
        return JSONResponse(answer, status, {"x-shop-version": self.version})

    async def _ready(self, _: Request) -> Response:
        unready = self.faults.not_ready or self.draining
        return PlainTextResponse("not ready\n" if unready else "ready\n", 503 if unready else 200)

    async def _metrics(self, _: Request) -> Response:
        return PlainTextResponse(generate_latest(self._registry))

    async def _fault(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self._change(await request.json())
            except (ValueError, TypeError, AttributeError) as error:
                return PlainTextResponse(f"a JSON object with {FAULTS}: {error}\n", 400)
        shown = {"version": self.version, "inFlight": self.in_flight, **self.faults.shown()}
        return JSONResponse(shown)

    def _change(self, changes: dict[str, float]) -> None:
        if unknown := set(changes) - set(FAULTS):
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        faults = self.faults
        faults.error_rate = float(changes.get("errorRate", faults.error_rate))
        faults.latency_ms = float(changes.get("latencyMs", faults.latency_ms))
        faults.not_ready = bool(changes.get("notReady", faults.not_ready))
        if "crashAfter" in changes:
            crash_after(float(changes["crashAfter"]))


def crash_after(seconds: float) -> None:
    """Die without a word, as a crashing program does."""
    asyncio.get_running_loop().call_later(seconds, os._exit, CRASHED)


class Server(uvicorn.Server):
    """Uvicorn that, told to stop, first tells clients to leave, then closes its port."""

    def __init__(self, config: uvicorn.Config, shop: Shop) -> None:
        """Serve `shop`."""
        super().__init__(config)
        self._shop = shop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._shop.draining = True
        if sig == signal.SIGINT:
            self.should_exit = True
        else:
            asyncio.get_running_loop().call_later(DRAIN, self._leave)

    def _leave(self) -> None:
        self.should_exit = True


async def serve(settings: Config) -> None:
    """Serve until SIGTERM; requests in flight are answered."""
    faults = Faults(
        settings("ERROR_RATE", cast=float, default=0.0),
        settings("LATENCY_MS", cast=float, default=0.0),
        settings("NOT_READY", cast=bool, default=False),
    )
    shop = Shop(settings("VERSION", default="v1"), faults)
    if crash := settings("CRASH_AFTER", cast=float, default=0.0):
        crash_after(crash)
    config = uvicorn.Config(
        shop,
        host=settings("HOST", default="127.0.0.1"),
        port=settings("PORT", cast=int),
        http=HttpToolsProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    await Server(config, shop).serve()


def main() -> None:
    """Run the shop on a quick event loop."""
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with contextlib.suppress(KeyboardInterrupt), runner:
        runner.run(serve(Config()))


if __name__ == "__main__":
    main()
