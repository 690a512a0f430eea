"""The few requests to the API server that the node and the fixtures make.

Not Serinus's own client: what tests it must not share its faults. Watches outlive the server.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from pydantic import JsonValue

from activities.kube.objects import KubeObject, maps_at, text_at

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
UNREACHED = (aiohttp.ClientError, OSError, TimeoutError)


class Refused(Exception):  # noqa: N818  the name says what is wrong
    """The API server answered with an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Rest:
    """JSON over HTTPS with a token."""

    def __init__(self, server: str, token: str, certificate: Path) -> None:
        self.server = server
        self._token = token
        self._tls = ssl.create_default_context(cafile=str(certificate))

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._token}", "Accept": "application/json"},
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            timeout=aiohttp.ClientTimeout(total=30, sock_connect=5),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def ask(
        self, method: str, path: str, body: JsonValue | KubeObject = None, kind: str | None = None
    ) -> dict[str, JsonValue]:
        """One request; `path` is that of the API, with its query."""
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": kind or "application/json"}
        async with self._session.request(
            method, self.server + path, data=data, headers=headers
        ) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise Refused(answer.status, text)
        found: JsonValue = json.loads(text)
        return found if isinstance(found, dict) else {}

    async def text(self, path: str) -> str:
        """What a path says that does not speak JSON."""
        async with self._session.get(self.server + path, headers={"Accept": "*/*"}) as answer:
            return await answer.text()

    async def alive(self) -> bool:
        try:
            async with self._session.get(f"{self.server}/readyz") as answer:
                return answer.status == 200
        except UNREACHED:
            return False

    async def follow(self, path: str) -> AsyncGenerator[tuple[str, KubeObject]]:
        """Every object of a list, then every change, for ever: `DELETED` or not."""
        known: dict[str, KubeObject] = {}
        while True:
            try:
                async for change, each in self._once(path, known):
                    yield change, each
            except (*UNREACHED, Refused):
                await asyncio.sleep(0.3)

    async def _once(
        self, path: str, known: dict[str, KubeObject]
    ) -> AsyncGenerator[tuple[str, KubeObject]]:
        listed = await self.ask("GET", path)
        current = {text_at(each, "metadata", "uid"): each for each in maps_at(listed, "items")}
        for uid in set(known) - set(current):
            yield "DELETED", known.pop(uid)
        for uid, listing in current.items():
            known[uid] = listing
            yield "MODIFIED", listing
        join = "&" if "?" in path else "?"
        version = text_at(listed, "metadata", "resourceVersion")
        async for change, each in self._changes(f"{path}{join}watch=1&resourceVersion={version}"):
            uid = text_at(each, "metadata", "uid")
            if change == "DELETED":
                known.pop(uid, None)
            else:
                known[uid] = each
            yield change, each

    async def _changes(self, path: str) -> AsyncGenerator[tuple[str, KubeObject]]:
        limits = aiohttp.ClientTimeout(total=None, sock_connect=5)
        async with self._session.get(self.server + path, timeout=limits) as answer:
            if answer.status >= 400:
                raise Refused(answer.status, await answer.text())
            pending = b""
            async for chunk in answer.content.iter_any():
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    event: JsonValue = json.loads(line)
                    if not isinstance(event, dict) or event.get("type") == "ERROR":
                        return
                    each = event.get("object")
                    if isinstance(each, dict):
                        yield str(event.get("type")), each
