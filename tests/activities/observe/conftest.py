"""Fixtures for observations: a receiver of hooks, a caller, and a way to run one attempt."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

import pytest
from temporalio.testing import ActivityEnvironment

from activities.analysis.instruments import LiveCounters
from activities.analysis.observe import Instruments, Observer
from activities.hooking.caller import HookCaller, open_hook_caller
from tests.fakes_observe import HookReceiver, RememberingRoutes, ScriptedChecks, hook_receiver
from workflows.model.observation import Observation, ObserveProgress, ObserveRequest

TOO_LONG = 30
"""Seconds after which an observation that should have ended fails its test."""


@dataclass
class Attempt:
    """One attempt at an observation; `heartbeats` is what it has sent."""

    hooks: HookCaller
    routes: RememberingRoutes = field(default_factory=RememberingRoutes)
    checks: ScriptedChecks = field(default_factory=lambda: ScriptedChecks(100.0))
    live: LiveCounters | None = None
    heartbeats: list[ObserveProgress] = field(default_factory=list[ObserveProgress])
    env: ActivityEnvironment = field(default_factory=ActivityEnvironment)
    told: list[int] = field(default_factory=list[int])
    on_heartbeat: Callable[[ObserveProgress], None] = lambda progress: None

    async def run(self, request: ObserveRequest, *details: object) -> Observation:
        """Details travel as JSON, as they do through the server."""
        self.env.info = dataclasses.replace(self.env.info, heartbeat_details=details)
        self.env.on_heartbeat = self._keep
        instruments = Instruments(self.routes, self.checks, self.hooks, self.live, self._tell)
        async with asyncio.timeout(TOO_LONG):
            return await self.env.run(Observer(instruments).observe, request)

    async def _tell(self, request: ObserveRequest, progress: ObserveProgress) -> None:
        self.told.append(progress.failed_checks)

    def _keep(self, progress: ObserveProgress) -> None:
        self.heartbeats.append(progress)
        self.on_heartbeat(progress)


@pytest.fixture(scope="session")
async def hooks() -> AsyncGenerator[HookCaller]:
    async with open_hook_caller() as caller:
        yield caller


@pytest.fixture
async def receiver() -> AsyncGenerator[HookReceiver]:
    async with hook_receiver() as receiver:
        yield receiver


@pytest.fixture
def attempt(hooks: HookCaller) -> Attempt:
    return Attempt(hooks)
