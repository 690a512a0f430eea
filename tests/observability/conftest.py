"""A real stack that tells what it does: to an OTLP receiver, and at addresses of metrics."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.fakes_observe import HookReceiver, hook_receiver
from tests.integration.scene import RealStack, Scene, open_stack
from tests.observability.receiver import Receiver, open_receiver
from worker.gateway.doors import TOKENS
from worker.gateway.opening import STATE
from worker.gateway.tokens import TokenFile

CI = "ci"


@dataclass(frozen=True)
class Observed:
    """The stack, what it sent, where its metrics are, and a client of its gateway's API."""

    stack: RealStack
    receiver: Receiver
    worker_metrics: str
    gateway_metrics: str
    api: httpx.AsyncClient
    token: str

    async def metrics(self, address: str) -> str:
        answer = await self.stack.http.get(f"http://{address}/metrics", timeout=30)
        answer.raise_for_status()
        return answer.text


@pytest.fixture(scope="session")
async def observed(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Observed]:
    home = tmp_path_factory.mktemp("observed")
    roles = home / "roles.yaml"
    roles.write_text(json.dumps({"bindings": [{"role": "admin", "people": [CI]}]}))
    worker, gateway = (f"127.0.0.1:{port}" for port in _free_ports())
    with pytest.MonkeyPatch.context() as patch:
        async with open_receiver() as receiver:
            patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
            patch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1000")
            patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
            patch.setenv("SERINUS_METRICS_WORKER", worker)
            patch.setenv("SERINUS_METRICS_GATEWAY", gateway)
            patch.setenv("SERINUS_GATEWAY__ROLES", str(roles))
            async with open_stack(home) as stack:
                file = TokenFile(home / STATE / TOKENS)
                token = await asyncio.to_thread(file.add, CI, (), 0.0)
                async with httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{stack.ports.gateway}/api/v1",
                    headers={"authorization": f"Bearer {token}"},
                    trust_env=False,
                    timeout=60,
                ) as api:
                    yield Observed(stack, receiver, worker, gateway, api, token)


def _free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture
async def scene(observed: Observed) -> AsyncGenerator[Scene]:
    scene = observed.stack.new_scene()
    yield scene
    await scene.clear()


@pytest.fixture
async def hooks() -> AsyncGenerator[HookReceiver]:
    async with hook_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).parents[2]
