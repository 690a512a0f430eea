"""A Temporal server as the embedded stack starts it, alone, in a folder of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from temporalio.client import Client

from worker import connection
from worker.settings import Settings
from worker.stack import ports, temporal, waiting

START_WITHIN = 60.0


@dataclass(frozen=True)
class Server:
    """`settings` lead every part of Serinus to it."""

    client: Client
    settings: Settings
    process: psutil.Process


@asynccontextmanager
async def temporal_server(*, in_memory: bool = False) -> AsyncGenerator[Server]:
    """Same program, options and tuning as `serinus up`, and the same database file or none."""
    with TemporaryDirectory(prefix="serinus-bench-") as folder:
        home = Path(folder)
        known = ports.claim(home, usual=False)
        with (home / "temporal.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *temporal.command(home, known, in_memory=in_memory), stdout=log, stderr=log
            )
        try:
            settings = Settings(home=home, stack_only=True, usual_ports=False)
            assert await waiting.until(waiting.temporal_serves(settings), START_WITHIN)
            client = await connection.connect(settings)
            yield Server(client, settings, psutil.Process(process.pid))
        finally:
            process.terminate()
            await process.wait()
