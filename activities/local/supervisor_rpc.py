"""Speaks to supervisord over its unix socket.

supervisord answers one call at a time and at once, so a call takes milliseconds; each is made in
a thread, with a limit, since `xmlrpc.client` blocks.
"""

import http.client
import socket
import xmlrpc.client
from pathlib import Path

from pydantic import TypeAdapter

from activities.local.threads import in_thread
from workflows.model.value import Record

CALL_TIMEOUT = 10.0
BAD_NAME = 10
ALREADY_STARTED = 60
ALREADY_ADDED = 90
STILL_RUNNING = 91


class ProcessState(Record):
    """A program as supervisord sees it; `start` and `now` are whole seconds."""

    name: str
    statename: str
    pid: int = 0
    start: int = 0
    now: int = 0
    description: str = ""

    @property
    def running(self) -> bool:
        """It has lived for longer than a second."""
        return self.statename == "RUNNING"

    @property
    def alive(self) -> bool:
        """It runs or will be started again, and nobody has asked it to stop."""
        return self.statename in ("STARTING", "RUNNING", "BACKOFF")

    @property
    def ended(self) -> bool:
        return self.statename in ("STOPPED", "EXITED", "FATAL")


_STATES = TypeAdapter(tuple[ProcessState, ...])


class SupervisorRpc:
    """OSError when nobody listens, `xmlrpc.client.Fault` when supervisord refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def states(self) -> dict[str, ProcessState]:
        answer = await self._call("supervisor.getAllProcessInfo")
        return {state.name: state for state in _STATES.validate_python(answer)}

    async def is_up(self) -> bool:
        try:
            await self._call("supervisor.getState")
        except OSError:
            return False
        return True

    async def process_id(self) -> int:
        return TypeAdapter(int).validate_python(await self._call("supervisor.getPID"))

    async def read_files(self) -> None:
        await self._call("supervisor.reloadConfig")

    async def add(self, name: str) -> None:
        """Start a program that the files describe; nothing happens if it is there."""
        await self._call_unless(ALREADY_ADDED, "supervisor.addProcessGroup", name)

    async def start(self, name: str) -> None:
        """Start a program that was stopped or given up."""
        await self._call_unless(ALREADY_STARTED, "supervisor.startProcess", name, False)

    async def ask_to_stop(self, name: str) -> None:
        """Does not wait: supervisord sends the signal and kills after the grace."""
        await self._call_unless(BAD_NAME, "supervisor.stopProcessGroup", name, False)

    async def remove(self, name: str) -> bool:
        """False while it still runs."""
        return await self._call_unless(STILL_RUNNING, "supervisor.removeProcessGroup", name)

    async def shut_down(self) -> None:
        await self._call("supervisor.shutdown")

    async def _call_unless(self, fault_code: int, method: str, *params: str | bool) -> bool:
        try:
            await self._call(method, *params)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != fault_code:
                raise
            return False
        return True

    async def _call(self, method: str, *params: str | bool) -> object:
        return await in_thread(self._blocking, method, params)

    def _blocking(self, method: str, params: tuple[str | bool, ...]) -> object:
        transport = _UnixTransport(str(self._path))
        with xmlrpc.client.ServerProxy("http://supervisor/RPC2", transport=transport) as proxy:
            try:
                answer: object = getattr(proxy, method)(*params)
            except (xmlrpc.client.ProtocolError, http.client.HTTPException) as error:
                raise ConnectionError(f"supervisord does not answer: {error}") from error
            return answer


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._to = _UnixConnection(path)

    def make_connection(self, host: object) -> http.client.HTTPConnection:  # noqa: ARG002
        return self._to

    def close(self) -> None:
        """Called at the end of a call, and by `xmlrpc.client` after an error."""
        self._to.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("supervisor", timeout=CALL_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.close()
            raise
