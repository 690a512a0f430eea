"""A real server on loopback that keeps the bodies it got, and answers as scripted."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import JsonValue


@dataclass(frozen=True)
class Got:
    """One request; `target` is what stood in its first line, a whole URL if it came by a proxy."""

    path: str
    headers: Mapping[str, str]
    body: JsonValue


@dataclass
class Receiver:
    """Answers 200 once the script is used up."""

    url: str = ""
    got: list[Got] = field(default_factory=list[Got])
    script: list[web.Response] = field(default_factory=list[web.Response])

    @property
    def body(self) -> JsonValue:
        """Of the only request there was."""
        (one,) = self.got
        return one.body

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body: JsonValue = json.loads(await request.read())
        self.got.append(Got(request.raw_path, dict(request.headers), body))
        return self.script.pop(0) if self.script else web.Response(text="ok")


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        receiver.url = f"http://{host}:{port}"
        yield receiver
    finally:
        await runner.cleanup()
