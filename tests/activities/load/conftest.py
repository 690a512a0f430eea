"""A real server on loopback that can be told to be slow, to fail and to hang."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest_asyncio
from aiohttp import web


class Target:
    """What was asked of it, and when it may answer."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[tuple[str, str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.arrived = asyncio.Event()
        self.release = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append((request.method, request.path, await request.text()))
        self.headers.append(dict(request.headers))
        self.arrived.set()
        match request.path:
            case "/hang":
                await self.release.wait()
            case "/slow-start" if len(self.seen) == 1:
                await asyncio.sleep(0.3)
            case "/hang-first" if len(self.seen) == 1:
                await self.release.wait()
            case "/broken":
                return web.Response(status=503)
            case _:
                if len(self.seen) > 10:
                    self.release.set()
        return web.Response(text="ok")


@asynccontextmanager
async def _serving(target: Target) -> AsyncGenerator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", target.handle)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        target.release.set()
        await runner.cleanup()


@pytest_asyncio.fixture
async def target() -> AsyncGenerator[Target]:
    made = Target()
    async with _serving(made) as url:
        made.url = url
        yield made


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what another process or task is about to do."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  it may be a file that a process makes
            await asyncio.sleep(0.01)
