"""A real stack, a gateway on it, and Debian's Chromium: what a person at a screen has."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.browser.window import Gateway, Windows, open_gateway
from tests.integration.scene import RealStack, Scene, open_stack

CHROMIUM = "/usr/bin/chromium"
NewScene = Callable[[], Scene]


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RealStack]:
    async with open_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
async def gateway(stack: RealStack) -> AsyncGenerator[Gateway]:
    async with open_gateway(stack.settings, stack.client) as gateway:
        yield gateway


@pytest.fixture(scope="session")
async def chromium() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        await browser.close()


@pytest.fixture
async def windows(gateway: Gateway, chromium: Browser) -> AsyncGenerator[Windows]:
    """Browser windows of people; every message a page gives to the console fails the test."""
    windows = Windows(gateway, chromium)
    yield windows
    await windows.close()
    assert windows.complaints == []


@pytest.fixture
async def new_scene(stack: RealStack) -> AsyncGenerator[NewScene]:
    scenes: list[Scene] = []

    def make() -> Scene:
        scenes.append(stack.new_scene())
        return scenes[-1]

    yield make
    await asyncio.gather(*(scene.clear() for scene in scenes))


@pytest.fixture
def scene(new_scene: NewScene) -> Scene:
    return new_scene()


@pytest.fixture
def images() -> Path:
    """Where the pictures of the README are."""
    return Path(__file__).parents[2] / "docs" / "images"
