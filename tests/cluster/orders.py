"""Orders to a running cluster over HTTP: images, faults, the end; served by the keeper."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from tests.cluster.node.images import Image, Images
from tests.cluster.node.kubelet import Kubelet
from tests.cluster.processes import Daemon

PORT = 10249


async def _pause(daemon: Daemon) -> None:
    daemon.send(signal.SIGSTOP)


async def _resume(daemon: Daemon) -> None:
    daemon.send(signal.SIGCONT)


DAEMON_ORDERS: dict[str, Callable[[Daemon], Awaitable[None]]] = {
    "kill": lambda daemon: daemon.kill(),
    "stop": lambda daemon: daemon.kill(signal.SIGTERM),
    "start": lambda daemon: daemon.start(),
    "pause": _pause,
    "resume": _resume,
}


@dataclass
class Orders:
    """What can be ordered."""

    secret: str
    daemons: dict[str, Daemon]
    images: Images
    kubelet: Kubelet
    end: asyncio.Event

    async def serve(self, address: str) -> None:
        """Serve until the process ends."""
        application = web.Application()
        add = application.router.add_post
        add(f"/{self.secret}/daemons/{{name}}/{{order}}", self._daemon)
        add(f"/{self.secret}/images", self._image)
        add(f"/{self.secret}/pods/{{namespace}}/{{name}}/crash", self._crash)
        add(f"/{self.secret}/down", self._down)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, address, PORT).start()

    async def _daemon(self, request: web.Request) -> web.Response:
        daemon = self.daemons.get(request.match_info["name"])
        order = DAEMON_ORDERS.get(request.match_info["order"])
        if daemon is None or order is None:
            known = f"{', '.join(DAEMON_ORDERS)} one of {', '.join(self.daemons)}"
            return web.Response(status=404, text=f"you can {known}\n")
        await order(daemon)
        return web.Response()

    async def _image(self, request: web.Request) -> web.Response:
        image = Image.model_validate_json(await request.read())
        self.images.known[request.query["name"]] = image
        return web.Response()

    async def _crash(self, request: web.Request) -> web.Response:
        killed = self.kubelet.crash(request.match_info["namespace"], request.match_info["name"])
        return web.Response(status=200 if killed else 404)

    async def _down(self, _: web.Request) -> web.Response:
        asyncio.get_running_loop().call_later(0.05, self.end.set)
        return web.Response()
