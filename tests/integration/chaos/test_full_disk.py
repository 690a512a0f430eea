"""A full disk, for real: a small one of its own, filled to the last byte."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from tests.activities.local.small_disk import fill, small_file_system
from tests.fakes_observe import HookReceiver
from tests.integration.chaos.parts import Parts, Weights, asked, load_hook, refusals
from tests.integration.manifests import a_canary, a_shop
from tests.integration.patience import eventually
from tests.integration.scene import RealStack, Scene, open_stack
from workflows.errors import Reason, reason_of
from workflows.model.requests import Outcome
from workflows.model.status import Verb

SIZE = "32m"
DATABASE = "temporal.db"


@asynccontextmanager
async def small_stack(folder: Path, *, database: Path | None = None) -> AsyncGenerator[RealStack]:
    """A stack on a disk of its own; its database may lie on another one."""
    with small_file_system(folder, SIZE) as home:
        if database is not None:
            (home / DATABASE).symlink_to(database)
        async with open_stack(home) as stack:
            yield stack


async def test_a_rollout_holds_on_a_full_disk_and_can_be_taken_back_all_the_same(
    tmp_path: Path, receiver: HookReceiver
) -> None:
    async with small_stack(tmp_path, database=tmp_path / DATABASE) as stack:
        scene = stack.new_scene()
        await at_the_first_weight(scene, receiver)
        async with scene.users():
            filler = await asyncio.to_thread(fill_up, stack)
            receiver.answers["/load"].clear()
            await eventually(lambda: is_told(scene, "no space left"), "the next step has no space")
            assert (await scene.status()).outcome is None
            assert await Weights(scene).look() == 20
            await scene.tell(Verb.ABORT)
            await eventually(lambda: is_all_primary(scene), "users are with the primary")
            await asyncio.to_thread(filler.unlink)
            await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
            await scene.assert_restored("v1")
            await scene.apply(a_shop(scene.name, "v3"))
            await scene.ends(Outcome.PROMOTED)
            await scene.assert_restored("v3")


async def test_a_disk_too_full_for_temporal_stops_no_user_and_no_reset(
    tmp_path: Path, receiver: HookReceiver
) -> None:
    async with small_stack(tmp_path) as stack:
        scene, parts = stack.new_scene(), Parts(stack)
        await at_the_first_weight(scene, receiver)
        async with scene.users():
            filler = await asyncio.to_thread(fill_up, stack)
            receiver.answers["/load"].clear()
            await asked(receiver, "/load", times=len(receiver.keys("/load")) + 1)
            assert await Weights(scene).look() == 20
            code, printed = await parts.serinus("reset", scene.name)
            assert code == 0, printed
            assert await is_all_primary(scene)
            await asyncio.to_thread(filler.unlink)
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


def fill_up(stack: RealStack) -> Path:
    """To the last byte: nothing more can be written."""
    filler = fill(stack.home)
    with pytest.raises(ApplicationError) as refused:
        stack.home.write(stack.settings.home / "one-more", "x")
    assert reason_of(refused.value) is Reason.STORAGE_FULL
    return filler
