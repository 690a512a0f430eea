"""`serinus worker`: runs workflows and activities until it is told to stop."""

import asyncio
import signal

from worker import logs, settings
from worker.app import run_worker


async def worker() -> int:
    """Run the worker until SIGTERM or SIGINT; rollouts in progress are handed to the next one."""
    settings.put_programs_on_path()
    known = settings.load()
    logs.configure(known.log_level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_worker(known, stop)
    return 0
