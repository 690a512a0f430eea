"""The embedded stack: Temporal, proxy, load tester, worker, gateway, kept up by supervisord.

`serinus up` and the demo start it; all of it outlives the command. Starting it again changes
nothing that runs; a part that was lost is started.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx
import psutil

from activities.local import programs as supervised
from activities.local.home import Home
from activities.local.programs import Program
from activities.local.proxy import Proxy
from activities.local.supervisor import Supervisor
from worker import connection
from worker.settings import Settings, put_programs_on_path
from worker.stack import ports, programs, temporal, waiting
from worker.stack.ports import Ports
from worker.stack.waiting import NotReady, Probe

TEMPORAL, LOADTESTER, WORKER = "serinus.temporal", "serinus.loadtester", "serinus.worker"
GATEWAY = "serinus.gateway"
PATIENCE = 60.0
TAIL = 5
STOP_GRACE = 15.0
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Stack:
    """The stack of one home."""

    settings: Settings
    tell: Tell

    @property
    def home(self) -> Home:
        return Home(self.settings.home)

    async def up(self) -> Ports:
        """Start what does not run; returns when all of it answers."""
        put_programs_on_path()
        supervisor = Supervisor(self.home)
        await asyncio.to_thread(self.home.prepare)
        known = ports.claim(self.settings.home, usual=self.settings.usual_ports)
        # All at once: the worker tries again until Temporal answers.
        await supervisor.ensure(self.programs(known))
        await self._start_proxy(supervisor, known)
        own = self.settings.model_copy(update={"stack_only": True})
        await self._wait(TEMPORAL, "Temporal server", waiting.temporal_serves(own))
        loadtester = waiting.answers(f"{known.loadtester_url}/healthz")
        await self._wait(LOADTESTER, "load tester", loadtester)
        await self._wait(WORKER, "worker", await self._worker_probe(own, supervisor))
        await self._wait(GATEWAY, "gateway", waiting.answers(f"{known.gateway_url}/readyz"))
        return known

    async def _start_proxy(self, supervisor: Supervisor, known: Ports) -> None:
        began = time.monotonic()
        async with httpx.AsyncClient(trust_env=False) as http:
            traefik = programs.require("traefik")
            await Proxy(self.home, supervisor, http, known.proxy, traefik).start()
        self._tell_up("proxy", began)

    async def down(self) -> None:
        """Stop all of it, targets too; files stay."""
        await Supervisor(self.home).shut_down()
        await asyncio.to_thread(self._stop_left)

    async def running(self) -> Mapping[str, str]:
        """The state of each program, targets too; empty when the stack is down."""
        supervisor = Supervisor(self.home)
        if not await supervisor.is_up():
            return {}
        return {name: state.statename for name, state in (await supervisor.states()).items()}

    def left(self) -> list[psutil.Process]:
        """Every process of this home that lives, with or without its supervisor. Blocking."""
        socket = str(self.home.socket)
        return [process for process in psutil.process_iter() if _belongs(process, socket)]

    def programs(self, known: Ports) -> list[Program]:
        """What the stack is made of; targets are not here, rollouts start them."""
        home = self.settings.home
        worker = {
            "SERINUS_HOME": str(home),
            "SERINUS_STACK_ONLY": "true",
            "SERINUS_URL": self.settings.url or known.gateway_url,
        }
        return [
            self._program(TEMPORAL, temporal.command(home, known)),
            self._program(
                LOADTESTER,
                serinus(
                    "loadtester",
                    "--port",
                    str(known.loadtester),
                    "--state",
                    str(home / "loadtester"),
                ),
            ),
            self._program(WORKER, serinus("worker"), worker),
            self._program(
                GATEWAY, serinus("gateway"), {**worker, "SERINUS_GATEWAY__PORT": str(known.gateway)}
            ),
        ]

    def _program(
        self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None
    ) -> Program:
        return Program(
            name=name,
            command=tuple(command),
            env=dict(env or {}),
            directory=str(self.settings.home),
            log=str(self.home.log(name)),
            stop_grace=STOP_GRACE,
        )

    async def _wait(self, name: str, title: str, probe: Probe) -> None:
        began = time.monotonic()
        if not await waiting.until(probe, PATIENCE):
            raise NotReady(
                f"the {title} did not answer within {PATIENCE:g} s; its log {self.home.log(name)}"
                f" ends with:\n{self._tail(name)}"
            )
        self._tell_up(title, began)

    def _tell_up(self, title: str, began: float) -> None:
        self.tell(f"{title} is up ({time.monotonic() - began:.1f} s)")

    async def _worker_probe(self, own: Settings, supervisor: Supervisor) -> Probe:
        async def pid() -> int:
            state = (await supervisor.states()).get(WORKER)
            return state.pid if state else 0

        return waiting.worker_polls(await connection.connect(own), own.cluster, pid)

    def _tail(self, name: str) -> str:
        try:
            lines = self.home.log(name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            return str(error)
        return "\n".join(lines[-TAIL:])

    def _stop_left(self) -> None:
        """Stop what a killed supervisor left behind."""
        left = self.left()
        for process in left:
            _send(process, kill=False)
        for process in psutil.wait_procs(left, timeout=STOP_GRACE)[1]:
            _send(process, kill=True)


def serinus(*arguments: str) -> tuple[str, ...]:
    """Return a command line of ours; not the script, which may lie elsewhere."""
    return (sys.executable, "-P", "-m", "worker", *arguments)


def _belongs(process: psutil.Process, socket: str) -> bool:
    try:
        return process.environ().get(supervised.MARK) == socket
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _send(process: psutil.Process, *, kill: bool) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        if kill:
            process.kill()
        else:
            process.terminate()
