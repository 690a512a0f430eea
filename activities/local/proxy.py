"""The proxy through which users reach every target: Traefik, a program of the supervisor.

It reads one file a target and is asked by its API whether it serves what was written, since only
that counts. `activities.local.traffic` decides what is written.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import httpx
import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from activities.documents import Dumper
from activities.local.home import Home
from activities.local.programs import Program
from activities.local.supervisor import Supervisor
from activities.local.threads import in_thread
from activities.routing.traefik_file import ENTRY_POINT, PROVIDER, Dynamic, contains
from activities.tracing import unseen
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
StillWanted = Callable[[], Awaitable[None]]
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
        await in_thread(self._home.keep, config, text)
        command = (str(self._traefik), f"--configFile={config}")
        log = str(self._home.log(PROGRAM))
        await self._supervisor.ensure((Program(name=PROGRAM, command=command, log=log),))
        await self._wait_until_up()

    async def stop(self) -> None:
        await self._supervisor.stop((PROGRAM,))

    async def write(self, slot: Slot, config: Dynamic, *, urgent: bool = False) -> None:
        """Put a target's configuration where Traefik reads it; `served` says when it has."""
        # Stamped, so that Traefik's word for it is not taken from before the last few writes.
        # The letter in front keeps Go's YAML from reading 12e34 as a number.
        text = _yaml(config.stamped(f"w{uuid4().hex[:12]}").plain())
        await in_thread(self._home.write, self._file(slot), text, urgent=urgent)

    async def remove(self, slot: Slot) -> None:
        await in_thread(self._home.remove, self._file(slot))

    async def read(self, slot: Slot) -> Dynamic | None:
        """What the file of a target says; None where there is none that can be understood."""
        written = await in_thread(self._read, slot)
        return None if written is None else written.unstamped()

    async def serves_other(self, slot: Slot, config: Dynamic) -> bool:
        """Whether Traefik answers and serves something else."""
        try:
            return bool(await self._difference(await in_thread(self._read, slot), config))
        except httpx.HTTPError:
            return False

    async def served(
        self, slot: Slot, config: Dynamic, still_wanted: StillWanted, within: float
    ) -> None:
        """Wait until Traefik serves exactly this; `still_wanted` raises to end the wait.

        Traefik may be killed and come again meanwhile.
        """
        started, asked, trouble = time.monotonic(), float("-inf"), ""
        written: Dynamic | None = None
        while (now := time.monotonic()) - started <= within:
            if now - asked > STILL_WANTED_EVERY:
                await still_wanted()
                written, asked = await in_thread(self._read, slot), now
            try:
                trouble = await self._difference(written, config)
                if not trouble:
                    return
            except httpx.HTTPError as error:
                trouble = str(error) or type(error).__name__
            await asyncio.sleep(POLL)
        raise self._down(f"{trouble}, for {within:g} s")

    async def _wait_until_up(self) -> None:
        give_up = time.monotonic() + SERVED_WITHIN
        while not await self._is_up():
            if time.monotonic() > give_up:
                raise self._down(f"its API does not answer for {SERVED_WITHIN:g} s")
            await asyncio.sleep(POLL)

    async def _is_up(self) -> bool:
        try:
            return (await self._ask("overview")) is not None
        except httpx.HTTPError:
            return False

    async def _difference(self, written: Dynamic | None, config: Dynamic) -> str:
        """What is not as it should be; one question as long as the stamp is an old one."""
        if written is None or written.unstamped() != config:
            return "its file says something else"
        http = written.http
        parts = (("middlewares", http.middlewares or {}), ("services", http.services),
                 ("routers", http.routers))  # fmt: skip
        for kind, wanted in parts:
            for name, part in wanted.items():
                live = await self._ask(f"http/{kind}/{name}{PROVIDER}")
                if live is None or not contains(live, _plain(part)):
                    return f"{name} of {kind} is not what its file says"
                _refuse_broken(name, live)
        return ""

    async def _ask(self, path: str) -> dict[str, object] | None:
        with unseen():
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
            data = yaml.load(text, Loader=yaml.CSafeLoader)
            return Dynamic.model_validate(data)
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


def _plain(part: BaseModel) -> dict[str, object]:
    return part.model_dump(mode="json", by_alias=True, exclude_none=True)


def _yaml(data: dict[str, object]) -> str:
    text: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
    return HEAD + text
