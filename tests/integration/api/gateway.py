"""A real gateway on the real stack, served over loopback, with people of every role.

It runs in a thread of its own: schemathesis asks it without asyncio.
"""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.integration.scene import RealStack
from worker import connection
from worker.gateway import app
from worker.gateway.doors import TOKENS
from worker.gateway.identity import Role
from worker.gateway.opening import open_context
from worker.gateway.settings import GatewaySettings, LimitSettings
from worker.gateway.tokens import TokenFile
from worker.pages import served

MANY = 1_000_000
PLACES = {"own": "default", "foreign": "elsewhere"}
PEOPLE = {
    f"{role.name.lower()}-{place}": (role, namespace)
    for role in Role
    for place, namespace in PLACES.items()
}
"""Everyone: a role in the namespace of the targets, or in another."""
ADMIN = "admin-own"


@dataclass(frozen=True)
class RealGateway:
    """A gateway, where it is, and the token of each of its people."""

    url: str
    tokens: dict[str, str]

    def client(self, person: str = ADMIN) -> httpx.AsyncClient:
        """The API as one person uses it; the empty name is nobody."""
        headers = {"authorization": f"Bearer {self.tokens[person]}"} if person else {}
        return httpx.AsyncClient(
            base_url=f"{self.url}/api/v1", headers=headers, trust_env=False, timeout=60
        )


@asynccontextmanager
async def open_gateway(stack: RealStack) -> AsyncGenerator[RealGateway]:
    """Serve one for the length of the block."""
    folder = stack.settings.home / "gateway-of-tests"
    tokens = await asyncio.to_thread(_prepare, folder)
    limits = LimitSettings(person=MANY, address=MANY, sign_in=MANY)
    settings = GatewaySettings(state=folder, roles=folder / "roles.yaml", limits=limits)
    serving = _Serving(stack, settings)
    await asyncio.to_thread(serving.begin)
    try:
        yield RealGateway(f"http://127.0.0.1:{serving.port}", tokens)
    finally:
        await asyncio.to_thread(serving.end)


@dataclass
class _Serving:
    """A thread with an event loop that serves a gateway."""

    stack: RealStack
    settings: GatewaySettings
    port: int = 0
    _ready: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(timeout=60)

    def end(self) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        client = await connection.connect(self.stack.settings)
        context = open_context(self.stack.settings, self.settings, client)
        async with served(app.build(context), 0, "port") as self.port:
            self._ready.set()
            await self._stop.wait()


def _prepare(folder: Path) -> dict[str, str]:
    """Write the roles, and make a token for each person."""
    folder.mkdir(exist_ok=True)
    bindings = [
        {"role": role.name.lower(), "people": [name], "namespaces": [namespace]}
        for name, (role, namespace) in PEOPLE.items()
    ]
    (folder / "roles.yaml").write_text(json.dumps({"bindings": bindings}))
    tokens = TokenFile(folder / TOKENS)
    return {name: tokens.add(name, (), 0.0) for name in PEOPLE}
