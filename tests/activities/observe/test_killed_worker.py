"""SIGKILL in the middle of a tick: finished ticks stay finished."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web
from temporalio.testing import WorkflowEnvironment

from tests.activities.observe.killable_worker import OneStep
from tests.fakes_observe import HookReceiver, a_hook, a_request, an_analysis
from workflows.model.observation import Ending

QUEUE = "killable"


@asynccontextmanager
async def a_worker(env: WorkflowEnvironment) -> AsyncGenerator[None]:
    """Killed at the end, whatever it is doing."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        OneStep.__module__,
        env.client.service_client.config.target_host,
        QUEUE,
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def test_no_hook_of_a_finished_tick_is_called_again(
    env: WorkflowEnvironment, receiver: HookReceiver
) -> None:
    third, never = asyncio.Event(), asyncio.Event()

    def count() -> None:
        if len(receiver.received) == 3:
            third.set()

    receiver.on_request = count
    hook = a_hook(receiver.at("/load", web.Response(), web.Response(), never))
    request = a_request(an_analysis(hooks=(hook,), interval=0.2), passes=5)
    async with a_worker(env):
        handle = await env.client.start_workflow(
            OneStep.run, request, id="killed-worker", task_queue=QUEUE
        )
        await third.wait()
    async with a_worker(env):
        observation = await handle.result()
    assert (observation.ending, observation.ticks) == (Ending.PASSED, 5)
    ticks = Counter(int(key.split("/")[2]) for key in receiver.keys("/load"))
    assert ticks == {1: 1, 2: 1, 3: 2, 4: 1, 5: 1}
