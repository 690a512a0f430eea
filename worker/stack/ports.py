"""Which port each part of the stack listens on, kept in `stack.json`.

Chosen once for a home, so that a part that is started again is found where it was. Read by
`worker.connection` and the command line, written by `worker.stack.stack`.
"""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from activities.local.ports import LOOPBACK, is_free
from activities.local.proxy import ProxyPorts
from workflows.errors import SerinusError
from workflows.model.value import Record

FREE_RANGE = range(17_000, 20_000)
"""Below what the system hands to outgoing connections, which could take a port in a restart."""


class StackFileError(SerinusError):
    """`stack.json` cannot be read or no port is free."""


class Ports(Record):
    """One port a listener."""

    temporal: int = 7233
    temporal_ui: int = 8233
    temporal_http: int = 7243
    temporal_metrics: int = 7253
    users: int = 8080
    """Where users reach every service, through the proxy."""
    proxy_api: int = 8081
    proxy_metrics: int = 8082
    loadtester: int = 8090
    gateway: int = 8800

    @property
    def proxy(self) -> ProxyPorts:
        """The three of the proxy."""
        return ProxyPorts(web=self.users, api=self.proxy_api, metrics=self.proxy_metrics)

    @property
    def temporal_address(self) -> str:
        return f"{LOOPBACK}:{self.temporal}"

    @property
    def temporal_ui_url(self) -> str:
        return f"http://{LOOPBACK}:{self.temporal_ui}"

    @property
    def users_url(self) -> str:
        return f"http://{LOOPBACK}:{self.users}"

    @property
    def loadtester_url(self) -> str:
        return f"http://{LOOPBACK}:{self.loadtester}"

    @property
    def gateway_url(self) -> str:
        """Where people find the page, programs the API, and senders of events the receivers."""
        return f"http://{LOOPBACK}:{self.gateway}"


def path_of(home: Path) -> Path:
    return home / "stack.json"


def read(home: Path) -> Ports | None:
    """Return the ports of this home, `None` where no stack was ever started."""
    path = path_of(home)
    try:
        return Ports.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise StackFileError(
            f"{path} cannot be read ({error}); remove it and run `serinus up` again"
        ) from error


def claim(home: Path, *, usual: bool) -> Ports:
    """Return the ports of this home; choose and keep them at the first call.

    A listener that an earlier release did not have gets its port now.
    """
    kept = read(home)
    known = set[str]() if kept is None else kept.model_fields_set
    if kept is not None and known >= set(Ports.model_fields):
        return kept
    chosen = choose(usual=usual)
    ports = chosen if kept is None else chosen.model_copy(update=kept.model_dump(include=known))
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=home, prefix=".stack.", delete=False) as draft:
        draft.write(ports.model_dump_json(indent=2) + "\n")
    Path(draft.name).replace(path_of(home))
    return ports


def choose(*, usual: bool) -> Ports:
    """Choose free ports, all different."""
    free = _free_ports()
    return Ports(
        **{
            name: wanted if usual and is_free(wanted) else next(free)
            for name, wanted in Ports().model_dump().items()
        }
    )


def _free_ports() -> Iterator[int]:
    candidates = random.SystemRandom().sample(FREE_RANGE, len(FREE_RANGE))
    yield from (port for port in candidates if is_free(port))
    raise StackFileError(f"no port is free in {FREE_RANGE.start}-{FREE_RANGE.stop - 1}")
