"""An attempt that ends early: cancelled, or its worker stops, or it comes after the deadline."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.kube.objects import at
from tests.activities.workload.cluster import BROKEN, Scene, scene_of, with_pods
from workflows.errors import Reason, reason_of
from workflows.model.requests import PromoteTarget, StartCanary


@pytest.fixture
async def scene() -> AsyncGenerator[Scene]:
    async with scene_of(with_pods(replicas=3)) as found:
        await found.adopted()
        yield found


async def _begun(scene: Scene, end: Callable[[ActivityEnvironment], None]) -> BaseException:
    """A promotion that never gets ready, ended once the primary was written."""
    scene.push(BROKEN)
    revision = await scene.analyse()
    request = PromoteTarget(slot=scene.slot, fence=scene.fence(), revision=revision, deadline=60)
    env = ActivityEnvironment()
    promotion = asyncio.create_task(_run(env, scene.workload.promote, request))
    async for seen in scene.kube.watch("apps/v1", "Deployment"):
        if at(seen.obj, "metadata", "name") == "web-primary" and BROKEN in str(seen.obj):
            break
    end(env)
    with pytest.raises(BaseException) as ended:  # noqa: PT011  told apart by the caller
        await promotion
    return ended.value


async def _run(
    env: ActivityEnvironment,
    act: Callable[[PromoteTarget], Awaitable[None]],
    request: PromoteTarget,
) -> None:
    await env.run(act, request)


async def test_a_cancelled_promotion_puts_the_previous_primary_back(scene: Scene) -> None:
    ended = await _begun(scene, lambda env: env.cancel())
    assert isinstance(ended, asyncio.CancelledError)
    assert scene.image(scene.primary) == "web:1"


async def test_a_stopping_worker_leaves_the_promotion_to_the_next(scene: Scene) -> None:
    ended = await _begun(scene, lambda env: env.worker_shutdown())
    assert isinstance(ended, ApplicationError)
    assert reason_of(ended) is Reason.WORKER_SHUTDOWN
    assert scene.image(scene.primary) == BROKEN


async def test_the_deadline_counts_from_the_first_attempt(scene: Scene) -> None:
    scene.push(BROKEN)
    revision = await scene.analyse()
    env = ActivityEnvironment()
    env.info = dataclasses.replace(env.info, heartbeat_details=[{"at": time.time() - 599.9}])
    request = StartCanary(slot=scene.slot, fence=scene.fence(), revision=revision, deadline=600)
    began = time.monotonic()
    with pytest.raises(ApplicationError) as refused:
        await env.run(scene.workload.start_canary, request)
    assert reason_of(refused.value) is Reason.PROGRESS_DEADLINE
    assert time.monotonic() - began < 10


async def test_what_became_ready_while_no_worker_was_there_is_ready(scene: Scene) -> None:
    scene.push("web:2")
    revision = await scene.analyse()
    await scene.start(revision)
    env = ActivityEnvironment()
    env.info = dataclasses.replace(env.info, heartbeat_details=[{"at": time.time() - 900}])
    request = StartCanary(slot=scene.slot, fence=scene.fence(), revision=revision, deadline=600)
    await env.run(scene.workload.start_canary, request)
