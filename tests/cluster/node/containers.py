"""One container: its process, probes, restarts and log; used by `tests.cluster.node.pods`."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from activities.kube.objects import KubeObject, int_at, list_at, map_at, text_at
from tests.cluster.node.environment import ConfigError, environment, expanded
from tests.cluster.node.images import Image, Images
from tests.cluster.node.probes import Probe
from tests.cluster.node.sandbox import Sandbox
from tests.cluster.node.sources import Sources
from tests.cluster.node.status import State, now

RETRY = 1.0
SLOWEST = 30.0


@dataclass
class Surroundings:
    """What a container takes from its pod and node."""

    pod: KubeObject
    sandbox: Sandbox
    images: Images
    sources: Sources
    logs: Path
    inherited: dict[str, str]
    changed: Callable[[], None]


@dataclass
class Container:
    """Runs one container until told to stop."""

    spec: KubeObject
    around: Surroundings
    policy: str
    state: State = field(init=False)
    process: asyncio.subprocess.Process | None = None
    stopping: bool = False

    def __post_init__(self) -> None:
        self.state = State(text_at(self.spec, "name"), text_at(self.spec, "image"))
        self._variables: dict[str, str] = {}
        self._mounts: list[tuple[str, str]] = []

    async def run(self) -> None:
        """Start, watch, start again; ends when nothing is to be started again."""
        pause = RETRY
        while not self.stopping:
            try:
                argv = await self._prepare()
            except ConfigError as error:
                self._wait_for("CreateContainerConfigError", str(error))
            except LookupError:
                self._wait_for("ErrImagePull", f"no such image: {self.state.image}")
            else:
                await self._once(argv)
                if not self._again():
                    return
                self._wait_for("CrashLoopBackOff", f"back-off {pause:.0f}s restarting failed")
                self.state.restarts += 1
                await asyncio.sleep(pause)
                pause = min(2 * pause, SLOWEST)
                continue
            await asyncio.sleep(RETRY)

    async def stop(self, grace: float) -> None:
        """The pre-stop hook, SIGTERM, and after the grace SIGKILL."""
        self.stopping = True
        deadline = asyncio.get_running_loop().time() + grace
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._before_stop()
                self.signal(signal.SIGTERM)
                await self.process.wait()
        self.signal(signal.SIGKILL)
        await self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    async def execute(self, argv: list[str]) -> int:
        """Run a command beside the container: its network, mounts and environment."""
        process = await asyncio.create_subprocess_exec(
            *self.around.sandbox.command(self._mounts, argv),
            env=self._variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)

    def log(self, restart: int) -> Path:
        return self.around.logs / f"{self.state.name}-{restart}.log"

    async def _prepare(self) -> list[str]:
        around = self.around
        image = around.images.find(self.state.image)
        if image is None:
            raise LookupError(self.state.image)
        own = await environment(around.pod, self.spec, around.sources.data)
        self._variables = {**around.inherited, **image.environment, **own}
        self._mounts = await around.sandbox.mounts(around.pod, self.spec, around.sources)
        argv = command(self.spec, image)
        return [expanded(each, self._variables) for each in argv]

    async def _once(self, argv: list[str]) -> None:
        state = self.state
        with self.log(state.restarts).open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.around.sandbox.command(self._mounts, argv),
                env=self._variables,
                cwd=text_at(self.spec, "workingDir") or "/",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        state.waiting, state.message, state.started, state.exited = "", "", now(), None
        state.ready = "readinessProbe" not in self.spec and "startupProbe" not in self.spec
        self.around.changed()
        probing = asyncio.create_task(self._probe())
        code = await self.process.wait()
        probing.cancel()
        await asyncio.gather(probing, return_exceptions=True)
        self.signal(signal.SIGKILL)
        state.exited, state.finished, state.ready = code if code >= 0 else 128 - code, now(), False
        state.last = state.terminated()
        self.around.changed()

    async def _probe(self) -> None:
        if startup := self._named("startupProbe"):
            async for good in startup.verdicts():
                if good:
                    break
                self.signal(signal.SIGTERM)
        await asyncio.gather(self._readiness(), self._liveness())

    async def _readiness(self) -> None:
        if probe := self._named("readinessProbe"):
            async for good in probe.verdicts(eager=True):
                self._ready(good)
        else:
            self._ready(True)

    async def _liveness(self) -> None:
        if probe := self._named("livenessProbe"):
            async for good in probe.verdicts():
                if not good:
                    self.signal(signal.SIGTERM)

    def _ready(self, good: bool) -> None:
        if self.state.ready != good:
            self.state.ready = good
            self.around.changed()

    def _named(self, name: str) -> Probe | None:
        spec = map_at(self.spec, name)
        address = self.around.sandbox.address
        return Probe(spec, self.spec, address, self.execute) if spec else None

    def _again(self) -> bool:
        failed = self.state.exited != 0
        return not self.stopping and (
            self.policy == "Always" or (self.policy == "OnFailure" and failed)
        )

    def _wait_for(self, reason: str, message: str) -> None:
        if (self.state.waiting, self.state.message) != (reason, message):
            self.state.waiting, self.state.message = reason, message
            self.around.changed()

    async def _before_stop(self) -> None:
        hook = map_at(self.spec, "lifecycle", "preStop")
        if "sleep" in hook:
            await asyncio.sleep(int_at(hook, "sleep", "seconds") or 0)
        elif "exec" in hook:
            await self.execute([str(each) for each in list_at(hook, "exec", "command")])


def command(spec: KubeObject, image: Image) -> list[str]:
    """As containers do: `command` replaces the entry point and the image's arguments."""
    entry = [str(each) for each in list_at(spec, "command")]
    arguments = [str(each) for each in list_at(spec, "args")]
    if entry:
        return entry + arguments
    return [*image.entrypoint, *(arguments or image.arguments)]
