"""`serinus controller`: watches a cluster until it is told to stop."""

import asyncio
import signal

from worker import logs, settings
from worker.controller.serving import run_controller
from worker.controller.settings import load_cluster


async def controller() -> int:
    """Watch a cluster and start rollouts until SIGTERM or SIGINT; any number may run at once."""
    known = settings.load()
    logs.configure(known.log_level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_controller(known, load_cluster(), stop)
    return 0
