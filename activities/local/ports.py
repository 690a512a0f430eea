"""Which port belongs to which slot, so that two rollouts never give one port to two processes.

A port is claimed by making a file of its number, which only one can do. `activities.local.copies`
claims, under the lock of its slot.
"""

import random
import socket

from activities.local.home import Home
from workflows.errors import Reason, failure
from workflows.model.identity import Slot

PORTS = range(20_000, 30_000)
LOOPBACK = "127.0.0.1"


class PortLedger:
    """Blocking; call it from a thread."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def claim(self, slot: Slot, count: int, in_use: frozenset[int]) -> tuple[int, ...]:
        """Claim free ports. What this slot claimed before and is not `in_use` is given up."""
        self._give_up(slot, in_use)
        claimed: list[int] = []
        for port in random.SystemRandom().sample(PORTS, len(PORTS)):
            if len(claimed) == count:
                return tuple(claimed)
            if is_free(port) and self._claim(slot, port):
                claimed.append(port)
        raise failure(
            Reason.WORKLOAD_REJECTED,
            f"no {count} ports are free in {PORTS.start}-{PORTS.stop - 1}; stop something",
            retryable=True,
        )

    def release(self, ports: tuple[int, ...]) -> None:
        for port in ports:
            self._home.remove(self._home.ports / str(port))

    def _claim(self, slot: Slot, port: int) -> bool:
        try:
            with (self._home.ports / str(port)).open("x", encoding="utf-8") as file:
                file.write(f"{slot.key}\n")
        except FileExistsError:
            return False
        except OSError:
            self.release((port,))
            raise
        return True

    def _give_up(self, slot: Slot, in_use: frozenset[int]) -> None:
        """A worker may have been lost between its claim and its note of it."""
        for path in self._home.ports.iterdir():
            if int(path.name) not in in_use and path.read_text(encoding="utf-8").strip() in (
                slot.key,
                "",
            ):
                path.unlink(missing_ok=True)


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
