"""Runs a command in a process group of its own and leaves nothing of it behind."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from workflows.model.value import Record

OUTPUT_LIMIT = 64 * 1024
STOP_GRACE = 1.0


class Finished(Record):
    """How a command ended; `exit_code` is `None` when it did not start or ran out of time."""

    exit_code: int | None = None
    output: str = ""
    timed_out: bool = False


async def run_command(argv: Sequence[str], limit: float) -> Finished:
    """Run to the end, at most `limit` seconds; cancelling kills the whole group."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return Finished(output=f"{argv[0]} cannot be started: {error.strerror}")
    tail = bytearray()
    try:
        async with asyncio.timeout(limit):
            await _drain(process, tail)
            code = await process.wait()
    except TimeoutError:
        return Finished(output=_text(tail), timed_out=True)
    finally:
        await _end(process)
    return Finished(exit_code=code, output=_text(tail))


async def _drain(process: asyncio.subprocess.Process, tail: bytearray) -> None:
    """Keep the end of the output; a command that says too much must not fill memory."""
    stream = process.stdout
    while stream is not None and (chunk := await stream.read(OUTPUT_LIMIT)):
        tail += chunk
        del tail[:-OUTPUT_LIMIT]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask the group to stop, then make it; also children that outlived their shell."""
    if process.returncode is None:
        _signal_group(process, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_GRACE)
    _signal_group(process, signal.SIGKILL)
    await process.wait()


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _text(tail: bytearray) -> str:
    return tail.decode(errors="replace")
