"""People at their screens: a gateway over a real stack, and windows in which they are signed in."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page
from temporalio.client import Client

from worker.gateway.app import build
from worker.gateway.context import GatewayContext
from worker.gateway.doors import Doors
from worker.gateway.identity import Binding, Role
from worker.gateway.opening import open_context
from worker.gateway.pages.order_pages import path_of
from worker.gateway.serving import served
from worker.gateway.settings import GatewaySettings, LimitSettings
from worker.settings import Settings
from workflows.model.identity import Slot

MANY = LimitSettings(person=100_000, address=100_000, sign_in=10_000)
DESK = (1280, 900)
PHONE = (320, 640)


@dataclass(frozen=True)
class Gateway:
    """One that is served."""

    url: str
    context: GatewayContext

    @property
    def doors(self) -> Doors:
        assert self.context.doors is not None
        return self.context.doors

    def rollout(self, slot: Slot) -> str:
        return f"{self.url}/rollouts/{path_of(slot)}"

    def target(self, slot: Slot) -> str:
        return f"{self.url}/targets/{path_of(slot)}"

    def link(self, name: str) -> str:
        """A one-time link, as `serinus login` prints it."""
        doors = self.doors
        assert doors.links is not None
        return self.url + doors.links.make(name, self.context.now())


@asynccontextmanager
async def open_gateway(settings: Settings, client: Client) -> AsyncGenerator[Gateway]:
    """Serve on a port of its own."""
    own = GatewaySettings(port=0, limits=MANY)
    context = await asyncio.to_thread(open_context, settings, own, client)
    async with served(build(context), own) as port:
        yield Gateway(f"http://127.0.0.1:{port}", context)


@dataclass
class Windows:
    """Opens windows; keeps what pages complain about."""

    gateway: Gateway
    browser: Browser
    complaints: list[str] = field(default_factory=list[str])
    contexts: list[BrowserContext] = field(default_factory=list[BrowserContext])

    async def nobody(
        self, *, size: tuple[int, int] = DESK, dark: bool = False, script: bool = True
    ) -> Page:
        """A window in which nobody is signed in."""
        context = await self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(30_000)
        self.contexts.append(context)
        page = await context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    async def of(
        self,
        name: str = "ana",
        role: Role = Role.ADMIN,
        *,
        groups: tuple[str, ...] = (),
        size: tuple[int, int] = DESK,
        dark: bool = False,
        script: bool = True,
    ) -> Page:
        """A window of somebody who has signed in with a role everywhere."""
        page = await self.nobody(size=size, dark=dark, script=script)
        binding = Binding(role=role, people=(name,))
        doors = self.gateway.doors
        cookie = await asyncio.to_thread(doors.sessions.begin, name, groups, "test", (binding,))
        await page.context.add_cookies(
            [{"name": doors.browser.cookie, "value": cookie, "url": self.gateway.url}]
        )
        return page

    async def close(self) -> None:
        await asyncio.gather(*(context.close() for context in self.contexts))

    def _note(self, message: ConsoleMessage) -> None:
        # A refused form is an answer like any other; Chromium calls it an error.
        refused = "Failed to load resource" in message.text
        if message.type in {"error", "warning"} and not refused:
            self.complaints.append(message.text)
