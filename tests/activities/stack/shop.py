"""A shop process for tests."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from activities.local.ports import LOOPBACK
from worker.stack.ports import choose


@asynccontextmanager
async def a_shop(
    **env: str,
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    """Run a shop until the end of the block; answers when it serves."""
    port = choose(usual=False).users
    process = await asyncio.create_subprocess_exec(
        *("env", f"PORT={port}", *(f"{name}={value}" for name, value in env.items())),
        *(sys.executable, "-m", "worker.stack.shop"),
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}") as http:
            await until_it_listens(process, port)
            yield process, http
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def until_it_listens(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(20):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection(LOOPBACK, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return
    raise AssertionError(f"the shop ended with {process.returncode}")
