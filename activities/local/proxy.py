"""The proxy through which users reach every target: Traefik, a program of the supervisor.

It reads one file a target and is asked by its API whether it serves what was written, since only
that counts. `activities.local.traffic` decides what is written.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import yaml
from pydantic import TypeAdapter, ValidationError

from activities.local.home import Home
from activities.local.programs import Program
from activities.local.supervisor import Supervisor
from activities.local.threads import in_thread
from activities.routing.traefik_file import ENTRY_POINT, PROVIDER, Dynamic, contains
from workflows.errors import Reason, failure
from workflows.model.identity import Slot
from workflows.model.value import Value

PROGRAM = "serinus.proxy"
LOOPBACK = "127.0.0.1"
NOT_FOUND = 404
POLL = 0.02
ASK_TIMEOUT = 2.0
SERVED_WITHIN = 20.0
STILL_WANTED_EVERY = 0.25
HEAD = "# Written by Serinus; what is changed by hand is put right at the next look.\n"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OBJECT = TypeAdapter(dict[str, object])


class ProxyPorts(Value):
    """Users come in at `web` on `host`; the other two listen on loopback only."""

    web: int
    api: int
    metrics: int
    host: str = LOOPBACK


class Proxy:
    """One for a worker; many workers and the command line may share the Traefik of a home."""

    def __init__(
        self,
        home: Home,
        supervisor: Supervisor,
        http: httpx.AsyncClient,
        ports: ProxyPorts,
        traefik: Path,
    ) -> None:
        self._home = home
        self._supervisor = supervisor
        self._http = http
        self._ports = ports
        self._traefik = traefik
        self._api = f"http://{LOOPBACK}:{ports.api}/api"

    @property
    def metrics_url(self) -> str:
        """What a `Scraper` reads."""
        return f"http://{LOOPBACK}:{self._ports.metrics}/metrics"

    @property
    def users_url(self) -> str:
        """Where users come in; the Host header says which target they want."""
        return f"http://{LOOPBACK}:{self._ports.web}"

    async def start(self) -> None:
        """Have the proxy run; answers when it does."""
        config = self._home.proxy / "static.yaml"
        text = _yaml(static_configuration(self._ports, self._home.proxy / "dynamic"))
        await in_thread(self._home.write, config, text)
        command = (str(self._traefik), f"--configFile={config}")
        log = str(self._home.log(PROGRAM))
        await self._supervisor.ensure((Program(name=PROGRAM, command=command, log=log),))
        await self._wait(self._is_up)

    async def stop(self) -> None:
        await self._supervisor.stop((PROGRAM,))

    async def write(self, slot: Slot, config: Dynamic, *, urgent: bool = False) -> None:
        """Put a target's configuration where Traefik reads it; `served` says when it has."""
        await in_thread(self._home.write, self._file(slot), _yaml(config.plain()), urgent=urgent)

    async def remove(self, slot: Slot) -> None:
        await in_thread(self._home.remove, self._file(slot))

    async def read(self, slot: Slot) -> Dynamic | None:
        """What the file of a target says; None where there is none that can be understood."""
        return await in_thread(self._read, slot)

    async def serves(self, config: Dynamic) -> bool:
        """Whether Traefik serves exactly this; RouterDown if it does not answer."""
        try:
            return await self._matches(config)
        except httpx.HTTPError as error:
            raise self._down(str(error) or type(error).__name__) from error

    async def served(
        self, config: Dynamic, still_wanted: Callable[[], Awaitable[None]], within: float
    ) -> None:
        """Wait until Traefik serves exactly this; `still_wanted` raises to end the wait."""
        await self._wait(lambda: self._matches(config), still_wanted, within)

    async def _wait(
        self,
        condition: Callable[[], Awaitable[bool]],
        still_wanted: Callable[[], Awaitable[None]] | None = None,
        within: float = SERVED_WITHIN,
    ) -> None:
        """Traefik may be killed and come again meanwhile."""
        started = asked = time.monotonic()
        trouble = "it serves something else"
        while True:
            try:
                if await condition():
                    return
            except httpx.HTTPError as error:
                trouble = str(error) or type(error).__name__
            now = time.monotonic()
            if now - started > within:
                raise self._down(f"{trouble}, for {within:g} s")
            if still_wanted is not None and now - asked > STILL_WANTED_EVERY:
                await still_wanted()
                asked = time.monotonic()
            await asyncio.sleep(POLL)

    async def _is_up(self) -> bool:
        return (await self._ask("overview")) is not None

    async def _matches(self, config: Dynamic) -> bool:
        """Routers last: they name services, and only a router can be refused."""
        for kind, wanted in (("services", config.http.services), ("routers", config.http.routers)):
            for name, part in wanted.items():
                fields = part.model_dump(mode="json", by_alias=True, exclude_none=True)
                live = await self._ask(f"http/{kind}/{name}{PROVIDER}")
                if live is None or not contains(live, fields):
                    return False
                _refuse_broken(name, live)
        return not await self._has_more(config)

    async def _has_more(self, config: Dynamic) -> bool:
        """A matching router of before would go on taking requests."""
        for name in config.http.routers:
            if f"{name}-matched" not in config.http.routers and not name.endswith("-matched"):
                return await self._ask(f"http/routers/{name}-matched{PROVIDER}") is not None
        return False

    async def _ask(self, path: str) -> dict[str, object] | None:
        response = await self._http.get(f"{self._api}/{path}", timeout=ASK_TIMEOUT)
        if response.status_code == NOT_FOUND:
            return None
        response.raise_for_status()
        return _OBJECT.validate_json(response.content)

    def _file(self, slot: Slot) -> Path:
        return self._home.proxy / "dynamic" / f"{slot.namespace}.{slot.name}.yaml"

    def _read(self, slot: Slot) -> Dynamic | None:
        try:
            text = self._file(slot).read_text(encoding="utf-8")
            return Dynamic.model_validate(yaml.safe_load(text))
        except (FileNotFoundError, UnicodeDecodeError, yaml.YAMLError, ValidationError):
            return None

    def _down(self, why: str) -> Exception:
        return failure(
            Reason.ROUTER_DOWN,
            f"the proxy does not serve the routes: {why}; see {self._home.log(PROGRAM)}",
            retryable=True,
        )


def static_configuration(ports: ProxyPorts, folder: Path) -> dict[str, object]:
    """What Traefik reads once, at its start."""
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "entryPoints": {
            ENTRY_POINT: {"address": f"{ports.host}:{ports.web}"},
            # The name is Traefik's own for the entry point of its API.
            "traefik": {"address": f"{LOOPBACK}:{ports.api}"},
            "metrics": {"address": f"{LOOPBACK}:{ports.metrics}"},
        },
        "api": {"insecure": True, "dashboard": False},
        "metrics": {
            "prometheus": {
                "entryPoint": "metrics",
                "addEntryPointsLabels": False,
                "addServicesLabels": True,
                "buckets": list(BUCKETS),
            }
        },
        "providers": {
            # The least that it takes: the delay between writing routes and serving them.
            "providersThrottleDuration": "1ms",
            "file": {"directory": str(folder), "watch": True},
        },
        # Servers in wide use close idle connections after 5 s; Traefik must do so first, or a
        # request may be sent down a connection that is just being closed.
        "serversTransport": {
            "maxIdleConnsPerHost": 512,
            "forwardingTimeouts": {"idleConnTimeout": "3s"},
        },
        "log": {"level": "ERROR"},
    }


def _refuse_broken(name: str, live: dict[str, object]) -> None:
    if live.get("status") == "disabled":
        raise failure(
            Reason.ROUTE_REJECTED,
            f"the proxy refuses {name}: {live.get('error')}; correct the match of the manifest",
            retryable=False,
        )


def _yaml(data: dict[str, object]) -> str:
    return HEAD + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
