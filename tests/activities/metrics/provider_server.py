"""A server on loopback that answers as it is told and remembers what it was asked."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Provider:
    """`status` and `body` are its next answers; `handler` takes over where they do not do."""

    url: str = ""
    status: int = 200
    body: str = ""
    handler: Handler | None = None
    asked: list[web.Request] = field(default_factory=list[web.Request])
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    def says(self, status: int, body: object) -> None:
        self.status = status
        self.body = body if isinstance(body, str) else json.dumps(body)

    def finds(self, result_type: str, result: object) -> None:
        self.says(200, {"status": "success", "data": {"resultType": result_type, "result": result}})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        async with self._arrived:
            self.asked.append(request)
            self._arrived.notify_all()
        if self.handler is not None:
            return await self.handler(request)
        return web.Response(status=self.status, text=self.body)

    async def was_asked(self, times: int) -> None:
        """Wait until so many requests have come."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.asked) >= times)

    async def stay_silent(self, request: web.Request) -> web.StreamResponse:
        """A handler that does not answer while the server stands."""
        await self.closing.wait()
        return web.Response()


@asynccontextmanager
async def serving(
    port: int = 0, certificate: ssl.SSLContext | None = None
) -> AsyncGenerator[Provider]:
    provider = Provider()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=certificate, reuse_address=True)
        await site.start()
        scheme = "http" if certificate is None else "https"
        provider.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
        yield provider
    finally:
        provider.closing.set()
        await runner.cleanup()
