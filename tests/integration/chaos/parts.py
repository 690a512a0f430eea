"""Parts of a real stack that tests kill, freeze or take away, and what is looked at meanwhile."""

import asyncio
import contextlib
import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil
from aiohttp import web
from temporalio.client import ScheduleOverlapPolicy

from activities.local.supervisor import Supervisor
from tests.fakes_observe import HookReceiver
from tests.integration import served
from tests.integration.manifests import a_hook
from tests.integration.patience import LOOK_EVERY, eventually
from tests.integration.scene import RealStack, Scene

ENOUGH = 2_000
"""More answers than any test asks for."""


@dataclass(frozen=True)
class Parts:
    """The programs of one stack, by the names of `worker.stack.stack`."""

    on: RealStack

    async def process(self, name: str) -> psutil.Process:
        return psutil.Process((await Supervisor(self.on.home).states())[name].pid)

    async def kill(self, name: str) -> None:
        """SIGKILL; returns as soon as supervisord runs it again."""
        killed = await self.process(name)
        killed.kill()

        async def runs_again() -> bool:
            return (await Supervisor(self.on.home).states())[name].pid not in (0, killed.pid)

        await eventually(runs_again, f"{name} is started again")

    @asynccontextmanager
    async def frozen(self, name: str) -> AsyncGenerator[None]:
        """Alive, but it does nothing: as after a long pause of its machine."""
        process = await self.process(name)
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    async def take_away(self, *names: str) -> None:
        """Stopped for good; only `made_whole` brings them back."""
        await Supervisor(self.on.home).stop(names)

    async def made_whole(self) -> None:
        """`serinus up`: every part answers."""
        await self.on.stack.up()

    async def serinus(self, *arguments: str) -> tuple[int, str]:
        """Run the command line on this stack; its exit code and all that it printed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "worker", *arguments),
            env={**os.environ, "SERINUS_HOME": str(self.on.settings.home)},  # noqa: TID251
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()

    async def clean_up(self, scene: Scene) -> None:
        """Have the janitor look now, and wait until nothing is left for it to do."""
        janitor = self.on.client.get_schedule_handle(f"janitor/{scene.slot.cluster}")
        await janitor.trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE)

        async def unclaimed() -> bool:
            return (await scene.state()).claim is None

        await eventually(unclaimed, "the janitor has restored")


class Weights:
    """The canary's share of users that Traefik served, in the order in which it changed."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.seen: list[int] = []

    async def look(self) -> int:
        on, slot = self._scene.on, self._scene.slot
        api = f"http://127.0.0.1:{on.ports.proxy_api}"
        head = f"{slot.namespace}-{slot.name}"
        services = await served.parts(on.http, api, "services", slot)
        shares = {each.name: each.weight for each in services[f"{head}@file"].weighted.services}
        weight = shares.get(f"{head}-canary", 0)
        if self.seen[-1:] != [weight]:
            self.seen.append(weight)
        return weight

    async def keep_looking(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)


@asynccontextmanager
async def watched(scene: Scene) -> AsyncGenerator[Weights]:
    """Look at Traefik for as long as the block lasts."""
    weights = Weights(scene)
    task = asyncio.create_task(weights.keep_looking())
    try:
        yield weights
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def refusals() -> tuple[web.Response, ...]:
    """Answers of a path that says no until they are cleared."""
    return tuple(web.Response(status=503) for _ in range(ENOUGH))


def load_hook(receiver: HookReceiver, *answers: web.Response | asyncio.Event) -> dict[str, object]:
    """A `rollout` hook, called once a tick under the key of the tick."""
    return a_hook("load", "rollout", receiver.at("/load", *answers), timeout="60s")


async def asked(receiver: HookReceiver, path: str, times: int = 1) -> None:
    """Wait until a path was asked for so many times in all."""

    async def often() -> bool:
        return sum(request.path == path for request in receiver.received) >= times

    await eventually(often, f"{path} is asked for {times} times")


def assert_no_tick_was_repeated(keys: Iterable[str], but: str | None = None) -> None:
    """Each key came once; the tick in flight at a crash may come again."""
    again = {key for key, count in Counter(keys).items() if count > 1}
    assert again <= {but}, again
