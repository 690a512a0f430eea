"""A real stack in a folder of its own, with the shop on it and users who count."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from temporalio.client import Client, WorkflowHandle

from activities.load.generator import LoadGenerator
from activities.load.options import LoadOptions
from activities.load.tally import Tally
from activities.local.home import Home
from activities.manifests import load
from tests.bench.table import tell
from worker import applying, connection, rollouts
from worker.applying import Applier
from worker.settings import Settings
from worker.stack.ports import Ports
from worker.stack.stack import Stack
from workflows.model.identity import Slot
from workflows.model.input import RolloutResult
from workflows.model.status import RolloutStatus
from workflows.rollout import Rollout

SLOT = Slot(name="shop")
HOST = "shop.localhost"
RATE = 100
AT_ONCE = 20
PROCESS = """
apiVersion: serinus.dev/v1alpha1
kind: Process
metadata: {{name: shop}}
spec:
  replicas: 2
  template:
    command: [python, -m, worker.stack.shop]
    env: {{VERSION: "{version}", ERROR_RATE: "{error_rate}"}}
    readiness: {{http: {{path: /readyz}}, interval: 100ms}}
"""
CANARY = """
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {{name: shop}}
spec:
  provider: local
  targetRef: {{apiVersion: serinus.dev/v1alpha1, kind: Process, name: shop}}
  service: {{port: 8080, hosts: [shop.localhost]}}
  analysis:
    interval: 10s
    threshold: 2
    stepWeights: {weights}
    metrics:
      - {{name: request-success-rate, interval: 10s, thresholdRange: {{min: 99}}}}
      - {{name: request-duration, interval: 10s, thresholdRange: {{max: 500}}}}
"""
POLICY = """
apiVersion: serinus.dev/v1alpha1
kind: RolloutPolicy
metadata: {{name: bench}}
spec:
  targets: {{names: [shop]}}
  guard: {{enabled: {guard}}}
"""


def a_version(version: str, error_rate: float = 0.0) -> str:
    return PROCESS.format(version=version, error_rate=error_rate)


def a_canary(weights: Sequence[int]) -> str:
    return CANARY.format(weights=list(weights))


def a_policy(*, guard: bool) -> str:
    return POLICY.format(guard=str(guard).lower())


class Failures(Tally):
    """Counts as every load test, and keeps when each failed answer came (since 1970)."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []
        self.first = asyncio.Event()

    def answered(self, status: int, took: float, offset: float, size: int) -> None:
        super().answered(status, took, offset, size)
        if status >= 400:
            self._failed_now()

    def unanswered(self, kind: str) -> None:
        super().unanswered(kind)
        self._failed_now()

    def _failed_now(self) -> None:
        self.at.append(time.time())
        self.first.set()


@dataclass(frozen=True)
class Bench:
    """A shop at v0 behind the proxy."""

    client: Client
    ports: Ports
    applier: Applier

    @classmethod
    async def on(cls, settings: Settings, ports: Ports) -> Self:
        client = await connection.connect(settings)
        return cls(client, ports, Applier(Home(settings.home)))

    async def apply(self, *texts: str) -> None:
        """Keep manifests, and start what follows from them."""
        manifests = [manifest for text in texts for manifest in load(text)]
        applied = await asyncio.to_thread(self.applier.apply, manifests)
        await applying.send(self.client, applied.triggers, "bench")

    async def roll_out(self, *texts: str) -> RolloutStatus:
        """Apply, and wait until the rollout is over."""
        await self.apply(*texts)
        await self.handle.result()
        return await rollouts.status(self.client, SLOT)

    @property
    def handle(self) -> WorkflowHandle[Rollout, RolloutResult]:
        return self.client.get_workflow_handle_for(Rollout.run, SLOT.workflow_id)

    @asynccontextmanager
    async def users(self) -> AsyncGenerator[Failures]:
        """Constant traffic while the block lasts."""
        options = LoadOptions(
            url=self.ports.users_url,
            host=HOST,
            rate=RATE / AT_ONCE,
            workers=AT_ONCE,
            requests=1_000_000_000,
            timeout=10.0,
        )
        generator = LoadGenerator(options)
        generator.tally = failures = Failures()
        sending = asyncio.create_task(generator.run())
        try:
            yield failures
        finally:
            generator.stop()
            await sending


@asynccontextmanager
async def real_stack(weights: Sequence[int]) -> AsyncGenerator[Bench]:
    """Everything that `serinus up` starts, and the shop v0 released on it."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="serinus-bench-"))
        settings = Settings(home=Path(folder), usual_ports=False, stack_only=True)
        whole = Stack(settings, tell)
        stack.push_async_callback(whole.down)
        bench = await Bench.on(settings, await whole.up())
        status = await bench.roll_out(a_canary(weights), a_version("v0"))
        assert status.outcome == "initialised", status
        yield bench
