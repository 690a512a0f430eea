"""Whether Temporal can be reached; until it can, everything that needs it answers 503.

The gateway starts without Temporal, so its client connects when it is first used.
"""

import asyncio
import time
from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from worker.gateway import problems

WITHIN = timedelta(seconds=2)
REMEMBERED = 1.0
"""Seconds for which an answer to a probe counts."""


class Reaching:
    """Asks the server of one client whether it serves."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asking = asyncio.Lock()
        self._connected = False
        self._asked_at = float("-inf")
        self._serves = False

    async def require(self) -> None:
        """`Problem` 503 until the first connection is made; later ones the client makes itself."""
        if not self._connected and not await self.serves():
            raise problems.unavailable("Temporal does not answer yet; nothing is lost, try again")

    async def serves(self) -> bool:
        """Whether it serves now; asked at most once a second."""
        async with self._asking:
            if time.monotonic() - self._asked_at > REMEMBERED:
                self._serves = await self._ask()
                self._asked_at = time.monotonic()
                self._connected = self._connected or self._serves
        return self._serves

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                return await self._client.service_client.check_health(timeout=WITHIN)
        except (RPCError, RuntimeError, TimeoutError):
            # A client that has never connected fails with a plain RuntimeError.
            return False
