"""One real stack for the session; every test has targets of its own on it."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from tests.fakes_observe import HookReceiver, hook_receiver
from tests.integration.scene import RealStack, Scene, open_stack

NewScene = Callable[[], Scene]


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RealStack]:
    async with open_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
async def new_scene(stack: RealStack) -> AsyncGenerator[NewScene]:
    """For tests that play on several targets at once."""
    scenes: list[Scene] = []

    def make() -> Scene:
        scenes.append(stack.new_scene())
        return scenes[-1]

    yield make
    await asyncio.gather(*(scene.clear() for scene in scenes))


@pytest.fixture
def scene(new_scene: NewScene) -> Scene:
    """For tests that play on one."""
    return new_scene()


@pytest.fixture
async def receiver() -> AsyncGenerator[HookReceiver]:
    async with hook_receiver() as receiver:
        yield receiver
