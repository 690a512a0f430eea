"""A span and a number for each request to the gateway; outermost, so that its log has the ids.

Put in place by `worker.gateway.app`. Paths are counted by the part of the gateway they belong to:
series for each target would never end. A span names its route, never a query or a token.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.trace import Span, SpanKind, StatusCode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PARTS = {"api": "api", "hooks": "hooks", "sign-in": "sign-in", "static": "static"}
PROBES = frozenset({"/healthz", "/readyz"})
LIMITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
tracer = trace.get_tracer(__name__)


class RequestMeters:
    """The series of one gateway."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "serinus_gateway_requests", "Requests.", ("part", "method", "code"), registry=registry
        )
        self.seconds = Histogram(
            "serinus_gateway_request_seconds",
            "Until the answer began.",
            ("part",),
            buckets=LIMITS,
            registry=registry,
        )
        self.open = Gauge(
            "serinus_gateway_requests_open", "Under way, pages that watch too.", registry=registry
        )


class Observing:
    """ASGI middleware; without `meters` nobody asks for numbers."""

    def __init__(self, app: ASGIApp, meters: RequestMeters | None) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Everything but probes."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        with _spanned(HTTPConnection(scope)) as span:
            await self._counted(scope, receive, send, span)

    async def _counted(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        began, part, method = time.monotonic(), part_of(scope["path"]), _method(scope["method"])

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answered(span, part, method, message["status"], time.monotonic() - began)
            await send(message)

        if self._meters is None:
            await self._app(scope, receive, sending)
            return
        with self._meters.open.track_inprogress():
            await self._app(scope, receive, sending)

    def _answered(self, span: Span, part: str, method: str, code: int, seconds: float) -> None:
        span.set_attribute("http.response.status_code", code)
        if code >= 500:
            span.set_status(StatusCode.ERROR)
        if self._meters is not None:
            self._meters.requests.labels(part, method, str(code)).inc()
            self._meters.seconds.labels(part).observe(seconds)


@contextmanager
def _spanned(request: HTTPConnection) -> Generator[Span]:
    part, method = part_of(request.scope["path"]), _method(request.scope["method"])
    with tracer.start_as_current_span(
        f"{method} {part}",
        context=extract(request.headers),
        kind=SpanKind.SERVER,
        attributes={"http.request.method": method, "serinus.part": part},
    ) as span:
        yield span


def part_of(path: str) -> str:
    """The part of the gateway that a path belongs to."""
    return PARTS.get(path.split("/")[1] if path.startswith("/") else "", "page")


def _method(method: str) -> str:
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return method if method in known else "other"
