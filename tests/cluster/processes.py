"""The long-running programs of a cluster, each with a log, to be killed and started again.

Used by `tests.cluster.keeper`. That they end with it is the kernel's work: they live in its
process namespace.
"""

import asyncio
import contextlib
import os
import signal
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path


class ProgramFailed(Exception):  # noqa: N818  the name says what is wrong
    """A program of the cluster ended, or is not ready in time."""


@dataclass
class Daemon:
    """One program."""

    name: str
    command: list[str]
    log: Path
    process: asyncio.subprocess.Process | None = field(default=None)

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it, and everything it has started."""
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)
        await self.process.wait()

    def failure(self, what: str) -> ProgramFailed:
        """The error that shows the end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return ProgramFailed("\n".join([f"{self.name} {what}:", *lines]))

    def send(self, number: signal.Signals) -> None:
        if self.process is not None and self.running:
            os.killpg(self.process.pid, number)


def tell_failure(task: asyncio.Task[None]) -> None:
    """Show why a task of the cluster ended that was not to fail."""
    if not task.cancelled() and (error := task.exception()) is not None:
        sys.stderr.write("tests.cluster: " + "".join(traceback.format_exception(error)))
