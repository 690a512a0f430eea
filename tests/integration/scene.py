"""The real stack, and one target on it: what an integration test sees and does.

`open_stack` starts Temporal, Traefik, load tester and worker as `serinus up` does. A `Scene` is a
target of its own name with its users; it is spoken to through the same functions as the command
line, and looked at where it counts: at the proxy and in the list of processes.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from temporalio.client import Client
from temporalio.service import RPCError

from activities.local.home import Home
from activities.local.programs import MARK
from activities.local.state import TargetState, TargetStore
from tests.integration.patience import LOOK_EVERY, PATIENCE, eventually
from tests.integration.served import assert_primary_alone
from worker import applying, connection, platform, rollouts, settings
from worker.applying import Applier
from worker.settings import Settings
from worker.stack.ports import Ports
from worker.stack.stack import Stack
from worker.stack.users import Users
from workflows.errors import Reason
from workflows.model.canary import Canary
from workflows.model.decisions import Decision, Order
from workflows.model.identity import Fence, Slot
from workflows.model.input import RolloutResult
from workflows.model.manifest import Manifest
from workflows.model.plan import ALL_PRIMARY
from workflows.model.requests import Outcome
from workflows.model.status import RolloutStatus, StepState, Verb

RATE = 25.0
_numbers = itertools.count(1)


@dataclass(frozen=True)
class RealStack:
    """A running stack in a home of its own."""

    stack: Stack
    ports: Ports
    client: Client
    http: httpx.AsyncClient

    @property
    def settings(self) -> Settings:
        return self.stack.settings

    @property
    def home(self) -> Home:
        return self.stack.home

    def new_scene(self, name: str = "shop") -> "Scene":
        return Scene(self, Slot(name=f"{name}-{next(_numbers)}"))


@asynccontextmanager
async def open_stack(home: Path) -> AsyncGenerator[RealStack]:
    """Start a stack; at the end all of it is gone, and that is checked."""
    own = settings.load(home).model_copy(update={"usual_ports": False, "stack_only": True})
    stack = Stack(own, _say_nothing)
    try:
        ports = await stack.up()
        async with httpx.AsyncClient(trust_env=False) as http:
            yield RealStack(stack, ports, await connection.connect(own), http)
    finally:
        await stack.down()
        left = await asyncio.to_thread(stack.left)
        assert not left, f"left behind: {left}"


@dataclass
class Scene:
    """One target: released, spoken to and looked at."""

    on: RealStack
    slot: Slot
    crowds: list[Users] = field(default_factory=list[Users])

    @property
    def name(self) -> str:
        return self.slot.name

    @property
    def host(self) -> str:
        return f"{self.name}.{self.slot.namespace}.localhost"

    # what people do

    async def apply(self, *manifests: Manifest, again: bool = False) -> None:
        """`serinus apply`: returns when the rollouts have been told."""
        applier = Applier(self.on.home)
        applied = await asyncio.to_thread(applier.apply, manifests, again=again)
        await applying.send(self.on.client, applied.triggers, "test")

    async def begin(self, *manifests: Manifest) -> None:
        """Apply for the first time, and wait until there is a primary."""
        await self.apply(*manifests)
        result = await self.result()
        assert result.outcome is Outcome.INITIALISED, result

    async def delete_canary(self) -> None:
        """`serinus delete canary`."""
        applier = Applier(self.on.home)
        slot = self.slot
        trigger = await asyncio.to_thread(applier.delete, Canary, slot.namespace, slot.name)
        assert trigger is not None
        await applying.send(self.on.client, [trigger], "test")

    async def tell(self, verb: Verb, reason: str = "") -> RolloutStatus:
        """`serinus pause`, `promote`, `abort`..."""
        order = Order(by="ana", reason=reason)
        return await rollouts.tell(self.on.client, self.slot, verb, order)

    async def answer(self, verb: Verb, step: str = "") -> RolloutStatus:
        """`serinus approve` and `reject`."""
        decision = Decision(by="ana", step=step)
        return await rollouts.tell(self.on.client, self.slot, verb, decision)

    async def turn_gate(self, way: str) -> None:
        """`open` or `close` the gate that the load tester keeps for this canary."""
        body = {"name": self.slot.name, "namespace": self.slot.namespace}
        url = f"{self.on.ports.loadtester_url}/gate/{way}"
        (await self.on.http.post(url, json=body)).raise_for_status()

    # what people see

    async def status(self) -> RolloutStatus:
        return await rollouts.status(self.on.client, self.slot)

    async def until(
        self, condition: Callable[[RolloutStatus], bool], within: float = PATIENCE
    ) -> RolloutStatus:
        """Look at the status until it is so; a rollout that is over cannot become so."""
        seen: RolloutStatus | None = None
        try:
            async with asyncio.timeout(within):
                while True:
                    with contextlib.suppress(rollouts.NoAnswer, rollouts.NoRollout):
                        seen = await self.status()
                        if condition(seen):
                            return seen
                        assert not await self._is_over(seen), f"over: {brief(seen)}"
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError as error:
            raise AssertionError(f"not so after {within:g} s: {brief(seen)}") from error

    async def _is_over(self, seen: RolloutStatus) -> bool:
        """A run with an outcome may have begun again as another."""
        if seen.outcome is None or await rollouts.is_running(self.on.client, self.slot):
            return False
        return (await self.status()).run_id == seen.run_id

    async def at(self, step: str) -> RolloutStatus:
        """Wait until the step of that name is the one that runs."""
        return await self.until(
            lambda seen: any(row.name == step and row.state is StepState.NOW for row in seen.steps)
        )

    async def waits_at(self, step: str) -> RolloutStatus:
        """Wait until the gate of that name waits."""
        return await self.until(lambda seen: seen.waiting is not None and seen.waiting.step == step)

    async def result(self, within: float = PATIENCE) -> RolloutResult:
        """How the rollout ended, and those that followed it at once."""
        handle = self.on.client.get_workflow_handle(
            self.slot.workflow_id, result_type=RolloutResult
        )
        try:
            async with asyncio.timeout(within):
                result: RolloutResult = await handle.result()
                return result
        except TimeoutError as error:
            seen = brief(await self.status())
            raise AssertionError(f"not over after {within:g} s: {seen}") from error

    async def ends(self, outcome: Outcome, reason: Reason | None = None) -> RolloutResult:
        """Wait for the end, which must be this one."""
        result = await self.result()
        assert (result.outcome, result.reason) == (outcome, reason or ""), result
        return result

    async def state(self) -> TargetState:
        return await TargetStore(self.on.home).read(self.slot)

    async def history(self) -> list[Outcome]:
        """How each rollout of this target ended, the first one first."""
        return [past.outcome for past in (await self.state()).history]

    # users

    @asynccontextmanager
    async def users(
        self, rate: float = RATE, headers: tuple[tuple[str, str], ...] = ()
    ) -> AsyncGenerator[Users]:
        """Constant traffic through the proxy."""
        async with Users(self.on.ports.users_url, self.host, rate, headers) as users:
            self.crowds.append(users)
            await eventually(lambda: _true(users.sent > 0), "users are served")
            yield users

    async def versions(
        self, headers: Mapping[str, str] | None = None, number: int = 12
    ) -> set[str]:
        """The versions that users with these headers meet; `"500"` and the like for errors."""
        every = {"Host": self.host, **(headers or {})}
        answers = [
            await self.on.http.get(self.on.ports.users_url, headers=every) for _ in range(number)
        ]
        return {
            answer.headers["x-shop-version"] if answer.is_success else str(answer.status_code)
            for answer in answers
        }

    async def break_canary(self, **faults: float) -> None:
        """Make the canary's processes misbehave from now on."""
        canary = (await self.state()).canary
        assert canary is not None
        for port in canary.ports:
            answer = await self.on.http.post(f"http://127.0.0.1:{port}/fault", json=faults)
            answer.raise_for_status()

    # what must be true in the end

    async def assert_restored(self, version: str, *, allowed: Iterable[str] = ()) -> None:
        """All users meet the primary, nothing else runs, and none met what they should not.

        `allowed` are the failures that the scenario itself causes, as `Users` counts them.
        """
        state = await self.state()
        assert state.primary is not None
        assert (state.canary, state.incoming, state.retired, state.claim) == (None, None, (), None)
        assert state.routes == ALL_PRIMARY
        api = f"http://127.0.0.1:{self.on.ports.proxy_api}"
        await assert_primary_alone(self.on.http, api, self.slot, state.primary.ports)
        assert await self.versions() == {version}
        running = await asyncio.to_thread(self.processes)
        assert sorted(running) == sorted(state.primary.ports)
        self.assert_users_spared(allowed)

    def assert_users_spared(self, allowed: Iterable[str] = ()) -> None:
        """No user met a failure, but of the kinds allowed."""
        for users in self.crowds:
            seen = users.seen()
            assert seen.sent > 0
            assert not set(seen.failures) - set(allowed), str(seen)

    def processes(self) -> list[int]:
        """The ports of every shop process of this target that lives, whoever started it."""
        socket = str(self.on.home.socket)
        found: list[int] = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                env = process.environ()
                if env.get(MARK) == socket and env.get("SHOP") == self.name:
                    found.append(int(env["PORT"]))
        return found

    async def clear(self) -> None:
        """Leave nothing running, whatever the test came to."""
        handle = self.on.client.get_workflow_handle(self.slot.workflow_id)
        with contextlib.suppress(RPCError):
            await handle.terminate("the test is over")
        local = platform.local_platform(self.on.settings, self.on.http)
        generation = max(int(time.time() * 1000), (await self.state()).fence.generation + 1)
        fence = Fence(run_id="test", generation=generation, sequence=0)
        await local.primary.remove(self.slot, fence)


def brief(seen: RolloutStatus | None) -> str:
    """A status in the few words that a failed test needs."""
    if seen is None:
        return "no rollout was seen"
    steps = ", ".join(f"{step.name} {step.state}" for step in seen.steps)
    ticks = seen.evidence.ticks if seen.evidence else ()
    return (
        f"{seen.phase}, {seen.outcome}, {seen.reason} {seen.message!r}, {steps}; "
        f"waits {seen.waiting}, {seen.failed_checks} failed checks, last ticks {ticks}"
    )


async def _true(value: bool) -> bool:
    return value


def _say_nothing(_: str) -> None:
    """A test tells nobody how it goes."""
