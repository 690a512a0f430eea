"""A full disk, for real: a small one of its own, filled to the last byte."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from tests.fakes_observe import HookReceiver
from tests.integration.chaos.parts import Parts, Weights, asked, load_hook, refusals
from tests.integration.manifests import a_canary, a_shop
from tests.integration.scene import RealStack, Scene, eventually, open_stack
from workflows.errors import Reason, reason_of
from workflows.model.requests import Outcome
from workflows.model.status import Verb

SIZE = "32m"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
SmallDisk = Callable[..., AbstractAsyncContextManager[RealStack]]


@pytest.fixture
def small_disk(tmp_path: Path) -> SmallDisk:
    @asynccontextmanager
    async def opened(*, database_elsewhere: bool) -> AsyncGenerator[RealStack]:
        home = tmp_path / "home"
        home.mkdir()
        await run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(home))
        try:
            if database_elsewhere:
                (home / "temporal.db").symlink_to(tmp_path / "temporal.db")
            async with open_stack(home) as stack:
                yield stack
        finally:
            await run("umount", "--lazy", str(home))

    return opened


async def test_a_rollout_holds_on_a_full_disk_and_can_be_taken_back_all_the_same(
    small_disk: SmallDisk, receiver: HookReceiver
) -> None:
    async with small_disk(database_elsewhere=True) as stack:
        scene = stack.new_scene()
        await at_the_first_weight(scene, receiver)
        async with scene.users():
            await asyncio.to_thread(fill, stack)
            receiver.answers["/load"].clear()
            await eventually(lambda: is_told(scene, "no space left"), "the next step has no space")
            assert (await scene.status()).outcome is None
            assert await Weights(scene).look() == 20
            await scene.tell(Verb.ABORT)
            await eventually(lambda: is_all_primary(scene), "users are with the primary")
            await asyncio.to_thread(unfill, stack)
            await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
            await scene.assert_restored("v1")
            await scene.apply(a_shop(scene.name, "v3"))
            await scene.ends(Outcome.PROMOTED)
            await scene.assert_restored("v3")


async def test_a_disk_too_full_for_temporal_stops_no_user_and_no_reset(
    small_disk: SmallDisk, receiver: HookReceiver
) -> None:
    async with small_disk(database_elsewhere=False) as stack:
        scene, parts = stack.new_scene(), Parts(stack)
        await at_the_first_weight(scene, receiver)
        async with scene.users():
            await asyncio.to_thread(fill, stack)
            receiver.answers["/load"].clear()
            await asked(receiver, "/load", times=len(receiver.keys("/load")) + 1)
            assert await Weights(scene).look() == 20
            code, printed = await parts.serinus("reset", scene.name)
            assert code == 0, printed
            assert await is_all_primary(scene)
            await asyncio.to_thread(unfill, stack)
            await parts.made_whole()
            await scene.ends(Outcome.ROLLED_BACK, Reason.FENCED)
            await parts.clean_up(scene)
            await scene.assert_restored("v1")


async def at_the_first_weight(scene: Scene, receiver: HookReceiver) -> None:
    analysis = {"threshold": 10_000, "webhooks": [load_hook(receiver, *refusals())]}
    await scene.begin(a_canary(scene.name, analysis=analysis), a_shop(scene.name, "v1"))
    await scene.apply(a_shop(scene.name, "v2"))
    await asked(receiver, "/load")


async def is_all_primary(scene: Scene) -> bool:
    """Nothing but the primary is served, and nothing but the primary runs."""
    state = await scene.state()
    assert state.primary is not None
    running = await asyncio.to_thread(scene.processes)
    return await Weights(scene).look() == 0 and running == list(state.primary.ports)


async def is_told(scene: Scene, words: str) -> bool:
    """Whether an activity that is tried again says so to people who look at Temporal."""
    handle = scene.on.client.get_workflow_handle(scene.slot.workflow_id)
    pending = (await handle.describe()).raw_description.pending_activities
    return any(words in each.last_failure.message for each in pending)


def filler(stack: RealStack) -> Path:
    return stack.settings.home / "filler"


def fill(stack: RealStack) -> None:
    """Byte by byte in the end, and then see that nothing more can be written."""
    with filler(stack).open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    with pytest.raises(ApplicationError) as refused:
        stack.home.write(stack.settings.home / "one-more", "x")
    assert reason_of(refused.value) is Reason.STORAGE_FULL


def unfill(stack: RealStack) -> None:
    filler(stack).unlink()


async def run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0, command
