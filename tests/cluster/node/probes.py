"""Whether a container answers as its probe asks; used by `tests.cluster.node.containers`."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

import aiohttp
from pydantic import JsonValue

from activities.kube.objects import KubeObject, at, int_at, list_at, maps_at, text_at

EAGER = 0.25
"""Seconds between tries until ready: sooner than a kubelet, which waits a period."""
Run = Callable[[list[str]], Awaitable[int]]


@dataclass
class Probe:
    """One probe of one container."""

    spec: KubeObject
    container: KubeObject
    address: str
    run: Run

    @property
    def period(self) -> float:
        return int_at(self.spec, "periodSeconds") or 10

    @property
    def limit(self) -> int:
        return int_at(self.spec, "failureThreshold") or 3

    async def verdicts(self, *, eager: bool = False) -> AsyncGenerator[bool]:
        """Each change: true after enough successes, false after enough failures in a row.

        Only readiness may be eager: whoever else fails so often within a second is stopped.
        """
        await asyncio.sleep(int_at(self.spec, "initialDelaySeconds") or 0)
        needed = int_at(self.spec, "successThreshold") or 1
        good = bad = 0
        held = False
        while True:
            good, bad = (good + 1, 0) if await self.once() else (0, bad + 1)
            if not held and good >= needed:
                held = True
                yield True
            elif bad and bad % self.limit == 0:
                held = False
                yield False
            await asyncio.sleep(min(EAGER, self.period) if eager and not held else self.period)

    async def once(self) -> bool:
        """One try, within the probe's time."""
        seconds = int_at(self.spec, "timeoutSeconds") or 1
        with contextlib.suppress(OSError, aiohttp.ClientError, TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._try()
        return False

    async def _try(self) -> bool:
        if "httpGet" in self.spec:
            return await self._http()
        if "tcpSocket" in self.spec:
            port = self._port(at(self.spec, "tcpSocket", "port"))
            _, writer = await asyncio.open_connection(self.address, port)
            writer.close()
            return True
        command = [str(each) for each in list_at(self.spec, "exec", "command")]
        return await self.run(command) == 0

    async def _http(self) -> bool:
        port = self._port(at(self.spec, "httpGet", "port"))
        path = text_at(self.spec, "httpGet", "path").lstrip("/")
        scheme = (text_at(self.spec, "httpGet", "scheme") or "HTTP").lower()
        headers = {
            text_at(each, "name"): text_at(each, "value")
            for each in maps_at(self.spec, "httpGet", "httpHeaders")
        }
        async with aiohttp.ClientSession(headers=headers) as session:
            url = f"{scheme}://{self.address}:{port}/{path}"
            async with session.get(url, ssl=False, allow_redirects=False) as answer:
                return 200 <= answer.status < 400

    def _port(self, given: JsonValue) -> int:
        if isinstance(given, int):
            return given
        for each in maps_at(self.container, "ports"):
            if text_at(each, "name") == given:
                return int_at(each, "containerPort") or 0
        return int(str(given)) if str(given).isdigit() else 0
