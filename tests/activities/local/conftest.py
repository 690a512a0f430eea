"""One real supervisord and Traefik for the session; every test has a target of its own."""

import asyncio
import itertools
import shutil
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
import pytest
from temporalio.testing import ActivityEnvironment

from activities.local.home import Home
from activities.local.platform import LocalPlatform
from activities.local.programs import MARK
from activities.local.proxy import ProxyPorts
from activities.local.revisions import RevisionFolder
from workflows.model.identity import Fence, Slot
from workflows.model.plan import RequestMatch, Routes, Traffic
from workflows.model.process import ProcessSpec, ProcessTemplate, revision
from workflows.model.requests import (
    AdoptTarget,
    EnsureRoutes,
    PromoteTarget,
    RoutesEnsured,
    StartCanary,
    StopCanary,
)

SERVICE = Path(__file__).with_name("service.py")
_numbers = itertools.count(1)
_generations = itertools.count(1_000)
T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def traefik() -> Path:
    found = shutil.which("traefik", path=str(Path(sys.executable).parent))
    assert found is not None
    return Path(found)


def processes_of(home: Home) -> list[str]:
    """Every process that belongs to a home, whoever its parent is."""
    marked: list[str] = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(MARK) == str(home.socket)
            line = " ".join(process.cmdline())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if ours or (str(home.root) in line and "supervisor" in line):
            marked.append(line)
    return marked


@dataclass
class Target:
    """A target of one test and the run that writes to it."""

    platform: LocalPlatform
    slot: Slot
    generation: int = field(default_factory=lambda: next(_generations))
    sequence: int = 0
    match: tuple[RequestMatch, ...] = ()
    mirror_percent: int = 100
    deadline: float = 20.0

    @property
    def host(self) -> str:
        return f"{self.slot.name}.{self.slot.namespace}.localhost"

    @property
    def traffic(self) -> Traffic:
        return Traffic(
            provider="local", service=self.slot.name, match=self.match,
            mirror_percent=self.mirror_percent,
        )  # fmt: skip

    def fence(self) -> Fence:
        self.sequence += 1
        return Fence(run_id="run", generation=self.generation, sequence=self.sequence)

    def revision(self, version: str, *, replicas: int = 1, drain: str = "300ms", **env: str) -> str:
        """Keep a snapshot of a version, as `planning.prepare` does."""
        command = (sys.executable, str(SERVICE))
        template = ProcessTemplate.model_validate(
            {
                "command": command,
                "env": {"VERSION": version, **env},
                "readiness": {"http": {"path": "/readyz"}, "interval": "100ms"},
                "stopGrace": "2s",
            }
        )
        spec = ProcessSpec.model_validate(
            {"replicas": replicas, "drain": drain, "template": template}
        )
        RevisionFolder(self.platform.home).keep(self.slot, revision(template), spec)
        return revision(template)

    async def adopt(self, revision: str) -> None:
        await run(
            self.platform.workload().adopt,
            AdoptTarget(
                slot=self.slot, fence=self.fence(), revision=revision,
                deadline=self.deadline, traffic=self.traffic,
            ),
        )  # fmt: skip

    async def start(self, revision: str) -> None:
        await run(self.platform.workload().start_canary, self.start_request(revision))

    def start_request(self, revision: str) -> StartCanary:
        return StartCanary(
            slot=self.slot, fence=self.fence(), revision=revision, deadline=self.deadline
        )

    def promote_request(self, revision: str) -> PromoteTarget:
        return PromoteTarget(
            slot=self.slot, fence=self.fence(), revision=revision, deadline=self.deadline
        )

    async def promote(self, revision: str) -> None:
        await run(self.platform.workload().promote, self.promote_request(revision))

    async def stop(self) -> None:
        request = StopCanary(slot=self.slot, fence=self.fence(), revision="any")
        await run(self.platform.workload().stop_canary, request)

    def routes_request(self, canary: int, *, mirrored: bool = False) -> EnsureRoutes:
        return EnsureRoutes(
            slot=self.slot, fence=self.fence(), revision="any", traffic=self.traffic,
            routes=Routes(primary=100 - canary, canary=canary, mirrored=mirrored),
            step=f"weight-{canary}",
        )  # fmt: skip

    async def route(self, canary: int, *, mirrored: bool = False) -> RoutesEnsured:
        return await self.ensure(self.routes_request(canary, mirrored=mirrored))

    async def ensure(self, request: EnsureRoutes) -> RoutesEnsured:
        return await self.platform.routing().ensure(request)

    async def running(self) -> set[str]:
        """Roles and revisions of what runs."""
        await asyncio.sleep(0.25)  # the supervisor's answer may be that old
        states = await self.platform.supervisor.states()
        head = f"{self.slot.namespace}.{self.slot.name}."
        return {
            name.removeprefix(head).rpartition(".")[0] for name in states if name.startswith(head)
        }

    async def ask(
        self, number: int, headers: dict[str, str] | None = None, path: str = "/"
    ) -> list[str]:
        """Answers of so many requests, one after the other."""
        async with httpx.AsyncClient(trust_env=False) as http:
            url = f"{self.platform.proxy.users_url}{path}"
            every = {"Host": self.host, **(headers or {})}
            responses = [await http.get(url, headers=every) for _ in range(number)]
        return [
            response.text if response.is_success else f"{response.status_code}"
            for response in responses
        ]


async def run(method: Callable[[T], Awaitable[None]], request: T) -> None:
    """One attempt of an activity."""
    await ActivityEnvironment().run(method, request)


def new_platform(root: Path, http: httpx.AsyncClient) -> LocalPlatform:
    ports = ProxyPorts(web=free_port(), api=free_port(), metrics=free_port())
    return LocalPlatform(Home(root), http, ports, traefik())


@pytest.fixture(scope="session")
async def loopback() -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as http:
        yield http


@pytest.fixture(scope="session")
async def platform(
    tmp_path_factory: pytest.TempPathFactory, loopback: httpx.AsyncClient
) -> AsyncGenerator[LocalPlatform]:
    platform = new_platform(tmp_path_factory.mktemp("home"), loopback)
    await platform.start()
    try:
        yield platform
    finally:
        await platform.supervisor.shut_down()
        assert processes_of(platform.home) == []


@pytest.fixture
async def target(platform: LocalPlatform) -> AsyncGenerator[Target]:
    target = Target(platform, Slot(name=f"shop-{next(_numbers)}"))
    try:
        yield target
    finally:
        await platform.primary.remove(target.slot, target.fence())
        assert await target.running() == set()
