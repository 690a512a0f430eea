"""An HTTP server that speaks an API server's wire protocol as a test scripts it."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import JsonValue

Json = dict[str, JsonValue]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

DISCOVERED: dict[str, JsonValue] = {
    "/api/v1": {
        "resources": [
            {"name": "configmaps", "kind": "ConfigMap", "namespaced": True},
            {"name": "pods/status", "kind": "Pod", "namespaced": True},
            {"name": "namespaces", "kind": "Namespace", "namespaced": False},
        ]
    },
}


@dataclass
class Wire:
    """What the server says next to `METHOD path`, and what it was asked."""

    port: int = 0
    script: dict[str, deque[Handler]] = field(default_factory=lambda: defaultdict(deque))
    asked: list[str] = field(default_factory=list[str])
    texts: list[str] = field(default_factory=list[str])
    bodies: list[JsonValue] = field(default_factory=list[JsonValue])
    content_types: list[str] = field(default_factory=list[str])
    queries: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def next(self, asked: str, *handlers: Handler) -> None:
        self.script[asked].extend(handlers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = f"{request.method} {request.path}"
        if request.method == "GET" and request.path in DISCOVERED and not self.script[asked]:
            return web.json_response(DISCOVERED[request.path])
        self.asked.append(asked)
        self.queries.append(dict(request.query))
        self.content_types.append(request.content_type)
        text = await request.text()
        self.texts.append(text)
        self.bodies.append(json.loads(text) if text else None)
        if not self.script[asked]:
            return web.Response(status=404, text="404 page not found\n")
        return await self.script[asked].popleft()(request)


def says(data: JsonValue, status: int = 200, **headers: str) -> Handler:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response(data, status=status, headers=named)

    return handle


def refuses(code: int, reason: str, message: str, *, name: str = "") -> Handler:
    """A `Status` as Kubernetes writes it."""
    details: Json = {"name": name} if name else {}
    status: Json = {"kind": "Status", "code": code, "reason": reason, "message": message,
                    "details": details}  # fmt: skip
    return says(status, code)


def events(*lines: Json, cut: bool = False, hold: asyncio.Event | None = None) -> Handler:
    """A watch that tells these events and ends, or is cut in the middle of a line, or waits."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for line in lines:
            await response.write(json.dumps(line).encode() + b"\n")
        if cut:
            await response.write(b'{"type": "MODI')
            if request.transport is not None:
                request.transport.abort()
        if hold is not None:
            await hold.wait()
        return response

    return handle


def event(kind: str, name: str, version: int, **data: str) -> Json:
    return {"type": kind, "object": config(name, version, **data)}


def config(name: str, version: int, **data: str) -> Json:
    return {
        "metadata": {
            "name": name, "namespace": "shop", "uid": f"uid-{name}",
            "resourceVersion": str(version),
        },
        "data": {**data},
    }  # fmt: skip


def listed(items: Sequence[Json], version: int, page: str = "") -> Json:
    return {"metadata": {"resourceVersion": str(version), "continue": page}, "items": [*items]}


@asynccontextmanager
async def serving(wire: Wire) -> AsyncGenerator[Wire]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", wire.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", wire.port)
    await site.start()
    wire.port = runner.addresses[0][1]
    try:
        yield wire
    finally:
        await runner.cleanup()
