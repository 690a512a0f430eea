"""Has all that a worker does counted, and the rollouts of its cluster.

Called by `worker.app` where somebody asks for metrics.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from prometheus_client import CollectorRegistry
from temporalio.client import Client

from worker.census import Census
from worker.counting import Counted, Counting
from worker.meters import Meters
from worker.platform import Platform


@asynccontextmanager
async def counted(
    opening: AbstractAsyncContextManager[Platform],
    client: Client,
    registry: CollectorRegistry | None,
) -> AsyncGenerator[Platform]:
    """The same platform, counted in `registry` if there is one."""
    async with opening as platform:
        if registry is None:
            yield platform
            return
        census = Census(client)
        registry.register(census)
        keeping = asyncio.create_task(census.keep(), name="census")
        try:
            yield replace(platform, counting=(Counting(Counted(Meters(registry))),))
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping
