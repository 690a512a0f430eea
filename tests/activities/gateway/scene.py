"""A gateway that really listens, in a home of its own, under a clock that tests move."""

import dataclasses
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from starlette.requests import HTTPConnection
from temporalio.client import Client

from worker.gateway.app import build
from worker.gateway.context import GatewayContext
from worker.gateway.identity import Person
from worker.gateway.opening import open_context
from worker.gateway.serving import served
from worker.gateway.settings import GatewaySettings
from worker.settings import Settings

PAGE = {"accept": "text/html, */*;q=0.5"}


@dataclass
class Clock:
    """The time of day, and how far it was moved."""

    moved: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.moved

    def move(self, seconds: float) -> None:
        self.moved += seconds


@dataclass
class Scene:
    """What one gateway is made of; it can be served again and again."""

    home: Path
    client: Client
    clock: Clock = field(default_factory=Clock)
    settings: GatewaySettings = field(default_factory=lambda: GatewaySettings(port=0))

    def given(self, **changes: object) -> "Scene":
        """The same home with other settings."""
        content = self.settings.model_dump() | changes
        return dataclasses.replace(self, settings=GatewaySettings.model_validate(content))

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["Running"]:
        context = open_context(Settings(home=self.home), self.settings, self.client, now=self.clock)
        async with served(build(context), self.settings) as port:
            yield Running(context, port)


@dataclass(frozen=True)
class Running:
    """A gateway that answers."""

    context: GatewayContext
    port: int

    @property
    def url(self) -> str:
        scheme = "https" if self.context.gateway.has_tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """A browser of its own: cookies, and no redirect is followed unseen."""
        said = {**PAGE, "origin": self.url, **headers}
        return httpx.AsyncClient(base_url=self.url, headers=said, trust_env=False)

    def link(self, name: str = "ana") -> str:
        """A one-time link, as `serinus login` makes it."""
        assert self.context.doors is not None
        assert self.context.doors.links is not None
        return self.context.doors.links.make(name, self.context.now())

    async def signed_in(self, browser: httpx.AsyncClient) -> str:
        """As whom the gateway knows this browser; empty if it does not."""
        text = (await browser.get("/sign-in")).text
        _, _, after = text.partition("<h1>Signed in as ")
        return after.partition("</h1>")[0]

    async def person(self, browser: httpx.AsyncClient) -> Person | None:
        """Who a request of this browser comes from, and what they may do."""
        cookies = "; ".join(f"{each.name}={each.value}" for each in browser.cookies.jar)
        headers = [(b"cookie", cookies.encode())]
        return await self.context.access.who(HTTPConnection({"type": "http", "headers": headers}))


async def form_token(browser: httpx.AsyncClient) -> str:
    """What a form of this browser's must carry."""
    return token_in((await browser.get("/sign-in")).text)


def token_in(page: str) -> str:
    """The token of a page's first form."""
    _, _, after = page.partition('name="form_token" value="')
    return after.partition('"')[0]
