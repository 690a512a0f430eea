"""The network of one session: a node namespace, a namespace a pod, and routes into both.

Nothing is bridged: the node routes, so that kube-proxy's rules also see traffic between pods.
Called by `tests.cluster.keeper`, inside a mount namespace of its own, so that the names of
network namespaces are private; only the outer end of one veth pair is seen outside.
"""

import asyncio
import contextlib
import fcntl
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NODE = "node"
SESSIONS = 64
POD_GATEWAY = "169.254.1.1"


class NetworkError(Exception):
    """The kernel refused a network command."""


@dataclass(frozen=True)
class Network:
    """The addresses of session number `number`."""

    number: int

    @property
    def prefix(self) -> str:
        return f"10.{100 + self.number}"

    @property
    def outer_device(self) -> str:
        return f"serinus{self.number}"

    @property
    def node(self) -> str:
        return f"{self.prefix}.0.1"

    @property
    def outside(self) -> str:
        return f"{self.prefix}.0.2"

    @property
    def services(self) -> str:
        return f"{self.prefix}.64.0/18"

    @property
    def first_service(self) -> str:
        return f"{self.prefix}.64.1"

    @property
    def pods(self) -> str:
        return f"{self.prefix}.128.0/17"

    def pod(self, count: int) -> str:
        """The address of the pod of that number; numbers come round."""
        count = count % (126 * 250)
        return f"{self.prefix}.{129 + count // 250}.{1 + count % 250}"


@contextmanager
def allocated(folder: Path) -> Generator[Network]:
    """A number that no other session of this machine has; given back when this process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = subprocess.run(
        ["ip", "-o", "-4", "route", "show", "table", "all"],
        capture_output=True,
        text=True,
        check=True,
    )
    for number in range(SESSIONS):
        network = Network(number)
        with (folder / f"{number}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if f" {network.prefix}." in f" {taken.stdout}":
                continue
            yield network
            return
    raise NetworkError(f"all {SESSIONS} networks of test clusters are in use")


def sweep(folder: Path) -> None:
    """Remove the folders of sessions that were killed; a live one holds its lock."""
    for lock in folder.glob("*.lock"):
        with lock.open("a") as file, contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)


async def run(*command: str, text: str = "") -> str:
    """Run a command to its end; what it says is the answer, or the error."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(text.encode())
    if process.returncode:
        raise NetworkError(f"`{' '.join(command)}`: {err.decode().strip()}\n{text}")
    return out.decode()


def inside(namespace: str, *command: str) -> list[str]:
    """The command, to be run in a network namespace."""
    return ["nsenter", f"--net=/run/netns/{namespace}", "--", *command]


async def make_node(network: Network) -> None:
    """The node's namespace, and the way from the outside to Services and pods."""
    outer = network.outer_device
    await run("ip", "netns", "add", NODE)
    await run("ip", "link", "add", outer, "type", "veth", "peer", "name", "up0", "netns", NODE)
    await run(
        "ip",
        "-batch",
        "-",
        text=f"addr add {network.outside}/24 dev {outer}\n"
        f"link set {outer} up\n"
        f"route add {network.services} via {network.node}\n"
        f"route add {network.pods} via {network.node}\n",
    )
    await run(
        *("ip", "-n", NODE, "-batch", "-"),
        text=f"link set lo up\naddr add {network.node}/24 dev up0\nlink set up0 up\n"
        f"route add default via {network.outside}\n",
    )
    settings = ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.route_localnet=1"]
    await run(*inside(NODE, "sysctl", "-q", "-w", *settings))


async def drop_node(network: Network) -> None:
    """Take the outer device away now; the kernel would, some time after the last process."""
    await run("ip", "link", "delete", network.outer_device)


async def make_pod(namespace: str, address: str) -> None:
    """A namespace with one address, everything else behind the node."""
    device = f"v{namespace[-12:]}"
    await run("ip", "netns", "add", namespace)
    await run(
        *("ip", "-n", NODE, "link", "add", device),
        *("type", "veth", "peer", "name", "eth0", "netns", namespace),
    )
    await run(
        *("ip", "-n", NODE, "-batch", "-"),
        text=f"addr add {POD_GATEWAY}/32 dev {device}\nlink set {device} up\n"
        f"route add {address}/32 dev {device}\n",
    )
    await run(
        *("ip", "-n", namespace, "-batch", "-"),
        text=f"link set lo up\naddr add {address}/32 dev eth0\nlink set eth0 up\n"
        f"route add {POD_GATEWAY} dev eth0 scope link\nroute add default via {POD_GATEWAY}\n",
    )


async def drop_pod(namespace: str) -> None:
    """Remove a pod's namespace; its devices and routes go with it."""
    await run("ip", "netns", "delete", namespace)
