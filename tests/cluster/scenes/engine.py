"""Serinus beside a test cluster: Temporal, worker, controller, each a process that can be killed.

They run on this machine, not in pods, and reach the cluster by its kubeconfig.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client

from activities.local.ports import LOOPBACK
from tests.cluster.session import Cluster, until
from worker import connection
from worker.settings import Settings
from worker.stack import ports, temporal, waiting

START_WITHIN = 90.0
CLUSTER = "test"
PARTS = ("temporal", "worker", "controller")


@dataclass
class Engine:
    """`client` goes on working when Temporal is started again: its port stays."""

    cluster: Cluster
    settings: Settings
    known: ports.Ports
    more: Mapping[str, str] = field(default_factory=dict[str, str])
    running: dict[str, asyncio.subprocess.Process] = field(
        default_factory=dict[str, asyncio.subprocess.Process]
    )
    connected: Client | None = None
    temporal_ip: str = LOOPBACK

    @property
    def client(self) -> Client:
        assert self.connected is not None
        return self.connected

    async def start(self, *parts: str) -> None:
        """Start parts and wait until they serve."""
        for part in parts:
            with (self.settings.home / f"{part}.log").open("ab") as log:
                self.running[part] = await asyncio.create_subprocess_exec(
                    *self._command(part), env=self._environment(), stdout=log, stderr=log
                )
            await self._serves(part)

    async def kill(self, part: str, number: int = signal.SIGKILL) -> None:
        """End a part; SIGKILL gives it no time to say goodbye."""
        process = self.running.pop(part)
        if process.returncode is None:
            process.send_signal(number)
        await process.wait()

    async def stop(self) -> None:
        for part in reversed([part for part in PARTS if part in self.running]):
            await self.kill(part, signal.SIGTERM)

    def log(self, part: str) -> str:
        """The last words of a part, for a test that failed."""
        path = self.settings.home / f"{part}.log"
        return path.read_text(errors="replace")[-4_000:] if path.exists() else ""

    async def _serves(self, part: str) -> None:
        if part == "temporal":
            assert await waiting.until(waiting.temporal_serves(self.settings), START_WITHIN)
            if self.connected is None:
                self.connected = await connection.connect(self.settings)
        elif part == "worker":
            process = self.running[part]

            async def pid() -> int:
                return process.pid

            probe = waiting.worker_polls(self.client, CLUSTER, pid)
            assert await waiting.until(probe, START_WITHIN), self.log(part)

    async def command(self, *words: str) -> tuple[int, str]:
        """`serinus` with these words, as a person at this machine: exit code, and all it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker", *words, env=self._environment(),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    def _command(self, part: str) -> Sequence[str]:
        if part == "temporal":
            return temporal.command(self.settings.home, self.known, ip=self.temporal_ip)
        return (sys.executable, "-m", "worker", part)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,  # noqa: TID251  children are told where everything is by it
            "SERINUS_HOME": str(self.settings.home),
            "SERINUS_STACK_ONLY": "true",
            "SERINUS_USUAL_PORTS": "false",
            "SERINUS_PLATFORM": "kubernetes",
            "SERINUS_CLUSTER": CLUSTER,
            "SERINUS_METRICS_SERVER": self.cluster.prometheus_url,
            "SERINUS_CONTROLLER_PORT": "0",
            "SERINUS_WORKER_PORT": "0",
            "SERINUS_ROUTER_METRICS": f"{self.cluster.facts.traefik_url}/metrics",
            "KUBECONFIG": str(self.cluster.kubeconfig),
            **self.more,
        }


@asynccontextmanager
async def engine(
    cluster: Cluster,
    home: Path,
    *parts: str,
    more: Mapping[str, str] | None = None,
    temporal_ip: str = LOOPBACK,
) -> AsyncGenerator[Engine]:
    """All parts, or those named; nothing of them is left at the end."""
    known = await asyncio.to_thread(ports.claim, home, usual=False)
    settings = Settings(
        home=home, stack_only=True, usual_ports=False, cluster=CLUSTER, platform="kubernetes"
    )
    made = Engine(cluster, settings, known, more or {}, temporal_ip=temporal_ip)
    try:
        await made.start(*(parts or PARTS))
        yield made
    finally:
        await made.stop()


async def eventually(cluster: Cluster, namespace: str, name: str, phase: str) -> None:
    """Wait until a Canary's status has this phase."""

    async def reached() -> bool:
        canary = await cluster.get("flagger.app/v1beta1", "Canary", name, namespace)
        status = (canary or {}).get("status")
        return isinstance(status, dict) and status.get("phase") == phase

    await until(reached, f"Canary {namespace}/{name} is {phase}", 180)
