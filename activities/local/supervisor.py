"""Keeps processes running, whatever happens to the worker: supervisord, started when needed.

It lives on its own, so worker and command line may come and go. Targets, the proxy and the
embedded stack are its programs, one file each; `worker.stack` starts and stops it.
"""

import asyncio
import sys
import time
import xmlrpc.client
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from activities.local import programs
from activities.local.home import Home
from activities.local.programs import Program
from activities.local.supervisor_rpc import ProcessState, SupervisorRpc
from activities.local.threads import in_thread
from workflows.errors import Reason, failure

START_SECONDS = 15.0
STRAY_GRACE = 5.0
POLL = 0.02
STATES_MAX_AGE = 0.2


class Supervisor:
    """The supervisord of one home; started or attached to at the first use."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._rpc = SupervisorRpc(home.socket)
        self._states: dict[str, ProcessState] = {}
        self._asked_at = float("-inf")

    async def start(self) -> None:
        """Attach to the running supervisord, or start one; safe to call at any time."""
        if await self._rpc.is_up():
            return
        async with self._alone():
            if not await self._rpc.is_up():
                await self._launch()

    async def is_up(self) -> bool:
        return await self._rpc.is_up()

    async def process_id(self) -> int | None:
        """Of supervisord itself; None while it is down."""
        return await self._rpc.process_id() if await self._rpc.is_up() else None

    async def shut_down(self) -> None:
        """Stop every program and supervisord itself; the files stay, for the next start."""
        if not await self._rpc.is_up():
            return
        process = psutil.Process(await self._rpc.process_id())
        await self._rpc.shut_down()
        while True:
            if _is_gone(process):
                return
            await asyncio.sleep(POLL)

    async def ensure(self, wanted: Sequence[Program]) -> None:
        """Have these programs run, and go on running."""
        for program in wanted:
            await in_thread(self._write, program)
        await self.start()
        async with _answered():
            await self._rpc.read_files()
            for program in wanted:
                await self._rpc.add(program.name)
            states = await self._rpc.states()
            for program in wanted:
                if states[program.name].ended:
                    await self._rpc.start(program.name)

    async def stop(self, names: Iterable[str]) -> None:
        """Stop programs, each within its grace, and forget them."""
        await self.start()
        left = set(names)
        async with _answered():
            while left:
                states = await self._rpc.states()
                for name in sorted(left):
                    if await self._stopped(name, states.get(name)):
                        left.remove(name)
                await asyncio.sleep(POLL if left else 0)
            await self._rpc.read_files()

    async def states(self) -> dict[str, ProcessState]:
        """All programs; at most a fifth of a second old, one question for all who ask."""
        if time.monotonic() - self._asked_at > STATES_MAX_AGE:
            async with _answered():
                self._states = await self._rpc.states()
            self._asked_at = time.monotonic()
        return self._states

    async def _stopped(self, name: str, state: ProcessState | None) -> bool:
        """One step towards it. One that crashed may be on its way up again, so ask until gone."""
        if state is not None and state.alive:
            # Before it has become the program it would not hear the signal: wait out its first
            # second rather than its whole grace.
            if state.statename != "STARTING":
                await self._rpc.ask_to_stop(name)
            return False
        if state is not None and not (state.ended and await self._rpc.remove(name)):
            return False
        await in_thread(self._forget, name)
        return True

    def _write(self, program: Program) -> None:
        script = self._script(program.name)
        self._home.keep(script, programs.script(program, self._home.socket))
        self._home.keep(self._file(program.name), programs.program_file(program, script))

    def _forget(self, name: str) -> None:
        self._home.remove(self._file(name))
        self._home.remove(self._script(name))

    def _file(self, name: str) -> Path:
        return self._home.supervisor / "conf.d" / f"{name}.ini"

    def _script(self, name: str) -> Path:
        return self._home.supervisor / "run" / f"{name}.sh"

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None]:
        """Worker and command line may find it down at the same moment."""
        while True:
            with self._home.locked(self._home.supervisor / "start.lock") as held:
                if held:
                    yield
                    return
            await asyncio.sleep(POLL)

    async def _launch(self) -> None:
        await in_thread(self._home.prepare)
        await in_thread(_stop_strays, str(self._home.socket))
        config = self._home.supervisor / "supervisord.conf"
        text = programs.main_file(
            socket=self._home.socket, folder=self._home.supervisor, logs=self._home.logs
        )
        await in_thread(self._home.keep, config, text)
        output = self._home.logs / "supervisord-start.log"
        with output.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "supervisor.supervisord", "-c", str(config)),
                stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file,
                start_new_session=True,
            )  # fmt: skip
        code = await process.wait()
        if code or not await self._comes_up():
            said = output.read_text(encoding="utf-8", errors="replace").strip()
            raise failure(
                Reason.SUPERVISOR_DOWN,
                f"supervisord did not start (exit code {code}): {said}; see {self._home.logs}",
                retryable=True,
            )

    async def _comes_up(self) -> bool:
        give_up = time.monotonic() + START_SECONDS
        while not await self._rpc.is_up():
            if time.monotonic() > give_up:
                return False
            await asyncio.sleep(POLL)
        return True


@asynccontextmanager
async def _answered() -> AsyncGenerator[None]:
    try:
        yield
    except (OSError, xmlrpc.client.Fault) as error:
        raise failure(
            Reason.SUPERVISOR_DOWN,
            f"supervisord does not do as asked ({error}); it is started again at the next try",
            retryable=True,
        ) from error


def _stop_strays(socket: str) -> None:
    """Programs outlive a killed supervisord; the next one would start them a second time."""
    # A worker may be a program of supervisord itself and now start the next one.
    self_and_above = {psutil.Process(), *psutil.Process().parents()}
    strays = [
        process
        for process in psutil.process_iter()
        if process not in self_and_above and _is_ours(process, socket)
    ]
    for process in strays:
        _signal(process, kill=False)
    give_up = time.monotonic() + STRAY_GRACE
    while (left := [each for each in strays if not _is_gone(each)]) and time.monotonic() < give_up:
        psutil.wait_procs(left, timeout=POLL)
    for process in left:
        _signal(process, kill=True)


def _is_gone(process: psutil.Process) -> bool:
    """Gone but for its entry, which in many containers nobody collects, will do."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        return


def _is_ours(process: psutil.Process, socket: str) -> bool:
    try:
        return process.environ().get(programs.MARK) == socket
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
