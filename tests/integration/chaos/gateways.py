"""A gateway in a process of its own, and a sender that tries again as Flux does."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

import httpx

from activities.local.ports import LOOPBACK
from tests.integration.hooks import signed
from tests.integration.patience import eventually
from tests.integration.scene import RealStack

TRIES = (0, 2, 6, 14)
"""Seconds after which Flux tries, four times within its fifteen."""


@dataclass
class GatewayProcess:
    """`serinus gateway` on a port of its own; it may be killed and started again."""

    on: RealStack
    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    async def start(self) -> float:
        """Answers when it serves; how many seconds that took."""
        begun = time.monotonic()
        with self.on.home.log("gateway-of-a-test").open("ab") as log:
            self.process = await self._run(log)
        await eventually(self._serves, f"the gateway serves; see {log.name}")
        return time.monotonic() - begun

    async def _run(self, log: BinaryIO) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "worker", "gateway"),
            env={
                **os.environ,  # noqa: TID251  what a process needs to run at all
                "SERINUS_HOME": str(self.on.settings.home),
                "SERINUS_STACK_ONLY": "true",
                "SERINUS_GATEWAY__PORT": str(self.port),
                "SERINUS_GATEWAY__LIMITS__ADDRESS": "1000000",
            },
            stdout=log,
            stderr=log,
        )

    async def kill(self) -> None:
        """SIGKILL: what is under way is lost."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()

    async def _serves(self) -> bool:
        try:
            return (await self.on.http.get(f"{self.url}/readyz")).is_success
        except httpx.HTTPError:
            return False


@asynccontextmanager
async def a_gateway(stack: RealStack) -> AsyncGenerator[GatewayProcess]:
    """One that is gone at the end."""
    gateway = GatewayProcess(stack, free_port())
    try:
        await gateway.start()
        yield gateway
    finally:
        await gateway.kill()


@dataclass(frozen=True)
class FluxSender:
    """Delivers with Flux' tries, `scale` times as fast or slow."""

    http: httpx.AsyncClient
    url: str
    scale: float

    async def deliver(self, body: bytes) -> int | None:
        """The last status; None if nobody ever answered."""
        status: int | None = None
        begun = time.monotonic()
        for at in TRIES:
            await asyncio.sleep(max(0.0, at * self.scale - (time.monotonic() - begun)))
            status = await self._try(body)
            if status is not None and (status < 500 and status != 429):
                return status
        return status

    async def _try(self, body: bytes) -> int | None:
        try:
            # A connection that is kept may have been closed a moment ago; Go's client knows.
            headers = {**signed(body), "connection": "close"}
            answer = await self.http.post(
                f"{self.url}/hooks/flux/flux", content=body, headers=headers
            )
        except httpx.HTTPError:
            return None
        return answer.status_code


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server((LOOPBACK, 0)) as listening:
        return int(listening.getsockname()[1])
