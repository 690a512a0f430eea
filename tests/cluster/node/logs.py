"""`kubectl logs`: the API server asks the node's port 10250 for a container's log."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

PORT = 10250
Find = Callable[[str, str, str, bool], Path | None]
"""The log of (namespace, pod, container, previous)."""


async def serve_logs(address: str, tls: ssl.SSLContext, find: Find) -> web.AppRunner:
    """Serve until the runner is cleaned up."""

    async def answer(request: web.Request) -> web.StreamResponse:
        path = find(
            request.match_info["namespace"],
            request.match_info["pod"],
            request.match_info["container"],
            request.query.get("previous") == "true",
        )
        if path is None or not path.exists():
            return web.Response(status=404, text="no such log\n")
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        await _copy(path, request, response)
        return response

    application = web.Application()
    application.router.add_get("/containerLogs/{namespace}/{pod}/{container}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, PORT, ssl_context=tls).start()
    return runner


async def _copy(path: Path, request: web.Request, response: web.StreamResponse) -> None:
    with path.open("rb") as file:
        whole = file.read()
        if lines := request.query.get("tailLines"):
            kept = whole.splitlines(keepends=True)[-int(lines) :] if int(lines) else []
            whole = b"".join(kept)
        await response.write(whole)
        while request.query.get("follow") == "true":
            await asyncio.sleep(0.2)
            await response.write(file.read())
