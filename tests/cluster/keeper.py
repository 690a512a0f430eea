"""The process that holds a cluster: `python -m tests.cluster.keeper '<Start as JSON>'`.

Started by `tests.cluster.session` as the first process of its own process and mount namespaces.
Whatever way it ends, the kernel ends every process of the cluster with it, and with them its
network namespaces, mounts and iptables rules. It ends by itself when its standard input does,
which is when the test session ends, in whatever way.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from time import monotonic

import aiohttp
from starlette.config import Config

from tests.cluster import dns, network, traefik
from tests.cluster.applying import Objects
from tests.cluster.control import Control
from tests.cluster.crds import crds
from tests.cluster.facts import Facts, Start
from tests.cluster.network import Network
from tests.cluster.node.images import built_in
from tests.cluster.node.kubelet import Kubelet
from tests.cluster.node.pods import Node
from tests.cluster.orders import PORT, Orders
from tests.cluster.processes import Daemon
from tests.cluster.rest import UNREACHED, Rest

PATIENCE = 60.0


class Keeper:
    """One cluster, from its network to its last pod."""

    def __init__(self, start: Start, net: Network) -> None:
        self._began = monotonic()
        self._start = start
        self._network = net
        self._folder = start.sessions / str(net.number)
        self._state = Path("/run/state")
        self._daemons: dict[str, Daemon] = {}
        self._seconds: dict[str, float] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._rest: Rest | None = None
        self.end = asyncio.Event()

    @property
    def rest(self) -> Rest:
        assert self._rest is not None
        return self._rest

    async def up(self) -> Facts:
        """Bring everything up; the API server's start takes most of the time."""
        shutil.rmtree(self._folder, ignore_errors=True)
        (self._folder / "logs").mkdir(parents=True)
        self._state.mkdir()
        control = Control(self._folder, self._state, self._network)
        await asyncio.gather(network.make_node(self._network), control.prepare(self._start.users))
        await self._launch("etcd", control.etcd())
        await self._launch("apiserver", control.apiserver())
        token = control.tokens["admin"]
        self._rest = await Rest(control.server, token, control.certificate).__aenter__()
        await self._until("apiserver", self.rest.alive)
        images = built_in()
        node = Node(
            self.rest, images, self._network.outside, _inherited(self._network), self._folder
        )
        kubelet = Kubelet(node, self._network)
        await asyncio.gather(self._node(control, kubelet), self._data_plane(control))
        secret = secrets.token_hex(8)
        outside = self._network.outside
        await Orders(secret, self._daemons, images, kubelet, self.end).serve(outside)
        return self._facts(control, f"http://{outside}:{PORT}/{secret}")

    async def down(self) -> None:
        """Remove what the kernel would not, or not at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._rest is not None:
            await self._rest.__aexit__(None, None, None)
        await network.drop_node(self._network)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _node(self, control: Control, kubelet: Kubelet) -> None:
        await self._launch("controller-manager", control.controllers())
        await self._launch("proxy", control.proxy())
        await self._launch("dns", dns.dnsmasq(self._network))
        await kubelet.register()
        self._run(kubelet.run(control.certificate, control.key))
        self._run(self._names())
        await self._until("default namespace", self._has_default)

    async def _data_plane(self, control: Control) -> None:
        objects = Objects(self.rest)
        await objects.apply([*crds("traefik"), *crds("gateway")])
        for each in traefik.objects(self._network):
            await objects.apply(each)
        token = control.folder / "token"
        await self._launch(
            "traefik", traefik.command(self._network, control.server, token, control.certificate)
        )
        await self._launch("prometheus", dns.prometheus(self._network, self._state))
        self._run(dns.follow_scraped(self.rest))
        await self._until("traefik", lambda: answers(f"{self._traefik_url}/ping"))
        await self._until("prometheus", lambda: answers(f"{self._prometheus_url}/-/ready"))

    async def _names(self) -> None:
        async for _ in dns.follow_services(self.rest):
            self._daemons["dns"].send(signal.SIGHUP)

    async def _has_default(self) -> bool:
        found = await self.rest.ask("GET", "/api/v1/namespaces")
        return '"default"' in json.dumps(found)

    @property
    def _traefik_url(self) -> str:
        return f"http://{self._network.node}:{traefik.ADMIN}"

    @property
    def _prometheus_url(self) -> str:
        return f"http://{self._network.node}:9090"

    def _facts(self, control: Control, orders: str) -> Facts:
        return Facts(
            folder=self._folder,
            kubeconfig=control.kubeconfig,
            certificate=control.certificate,
            server=control.server,
            token=control.tokens["admin"],
            tokens=control.tokens,
            control_url=orders,
            ingress_url=f"http://{self._network.node}",
            traefik_url=self._traefik_url,
            prometheus_url=self._prometheus_url,
            pid=0,
            seconds=self._seconds,
        )

    async def _launch(self, name: str, command: list[str]) -> None:
        made = Daemon(name, command, self._folder / "logs" / f"{name}.log")
        self._daemons[name] = made
        await made.start()

    async def _until(self, name: str, ready: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a part; one that has ended instead is an error with its log."""
        deadline = monotonic() + PATIENCE
        while not await ready():
            daemon = self._daemons.get(name)
            if daemon is not None and not daemon.running:
                raise daemon.failure("ended")
            if monotonic() > deadline:
                shown = daemon or self._daemons["apiserver"]
                raise shown.failure(f"is not ready after {PATIENCE:.0f} s ({name})")
            await asyncio.sleep(0.05)
        self._seconds[name] = round(monotonic() - self._began, 2)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._failed)
        self._tasks.append(task)

    def _failed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            sys.stderr.write(f"tests.cluster: {error!r}\n")
            self.end.set()


async def answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status == 200
    except UNREACHED:
        return False


def _inherited(net: Network) -> dict[str, str]:
    """What every container finds in its environment."""
    read = Config()
    return {
        "PATH": read("PATH"),
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "KUBERNETES_SERVICE_HOST": net.first_service,
        "KUBERNETES_SERVICE_PORT": "443",
    }


def private_mounts() -> None:
    """A /run of our own: network namespaces get private names, and locks and state end with it."""
    resolv = Path("/etc/resolv.conf").resolve()
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    Path("/run/netns").mkdir()
    # Where every pod that has a token mounts it.
    Path("/run/secrets/kubernetes.io/serviceaccount").mkdir(parents=True)
    if not resolv.exists():
        resolv.parent.mkdir(parents=True, exist_ok=True)
        resolv.touch()


async def end_of_input(end: asyncio.Event) -> None:
    """Set the event when the other end of standard input is closed."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    end.set()


async def hold(start: Start) -> None:
    """Up, say so, wait for the end, down."""
    private_mounts()
    network.sweep(start.sessions)
    with network.allocated(start.sessions) as net:
        keeper = Keeper(start, net)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, keeper.end.set)
        watch = loop.create_task(end_of_input(keeper.end)) if start.until_eof else None
        try:
            rising = loop.create_task(keeper.up())
            ended = loop.create_task(keeper.end.wait())
            await asyncio.wait([rising, ended], return_when=asyncio.FIRST_COMPLETED)
            if rising.done():
                sys.stdout.write(rising.result().model_dump_json() + "\n")
                sys.stdout.flush()
                await ended
        finally:
            await keeper.down()
        del watch


def main() -> int:
    try:
        asyncio.run(hold(Start.model_validate_json(sys.argv[1])))
    except Exception as error:
        sys.stdout.write(json.dumps({"error": f"{type(error).__name__}: {error}"}) + "\n")
        sys.stdout.flush()
        return 1
    return 0


if __name__ == "__main__":
    # The first process of its namespace has no parent that could reap what it leaves, and needs
    # none: the kernel ends everything.
    code = main()
    sys.stdout.flush()
    os._exit(code)
