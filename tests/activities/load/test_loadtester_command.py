"""`serinus loadtester` as a process."""

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import httpx

# A shell's background jobs ignore SIGINT; in front of a person nothing does.
PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "import sys, cyclopts; from worker.cli.loadtester import loadtester;"
    "sys.exit(cyclopts.run(loadtester))"
)


async def started(state: Path, *words: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "--state", str(state), *words, stdout=PIPE, stderr=PIPE
    )


async def test_it_says_where_it_serves_and_stops_when_interrupted(tmp_path: Path) -> None:
    process = await started(tmp_path, "--port", "0")
    assert process.stderr is not None
    async with asyncio.timeout(60):
        line = (await process.stderr.readline()).decode()
        async with httpx.AsyncClient(base_url=line.split()[-1], timeout=30) as client:
            assert (await client.get("/healthz")).status_code == 200
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (130, b"")


async def test_a_taken_port_is_one_readable_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = await started(tmp_path, "--port", str(taken.getsockname()[1]))
        async with asyncio.timeout(60):
            _, errors = await process.communicate()
    assert process.returncode == 1
    assert errors.decode().count("\n") == 1
    assert "in use" in errors.decode()
