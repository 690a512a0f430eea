"""A gateway's receivers on the real stack, and senders that deliver as Flux does."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from activities.local.manifests import ManifestFolder
from tests.integration.patience import eventually
from tests.integration.scene import RealStack, Scene
from worker.applying import Applier
from worker.gateway.access import Access
from worker.gateway.context import GatewayContext
from worker.gateway.identity import Binding
from worker.gateway.problems import Problem
from worker.gateway.receivers import routes
from worker.gateway.receivers.signing import SIGNATURE, sign
from worker.gateway.rendering import plain
from worker.gateway.resources import LocalResources
from worker.gateway.settings import GatewaySettings
from workflows.model.manifest import Manifest, parse
from workflows.model.requests import Outcome

_numbers = itertools.count(1)
KEY = b"7152fed34dd6149a7c75a276c510da27cb6f82b0\n"
SECRET = "flux-key"


@dataclass(frozen=True)
class Roles:
    """The bindings of a test."""

    every: tuple[Binding, ...] = ()

    def bindings(self) -> tuple[Binding, ...]:
        return self.every


def a_context(
    stack: RealStack, roles: Roles = Roles(), gateway: GatewaySettings | None = None
) -> GatewayContext:
    """What the receivers of a gateway of this stack work with."""
    return GatewayContext(
        settings=stack.settings,
        gateway=gateway or GatewaySettings(),
        client=stack.client,
        access=Access((), roles, b"form key"),
        seal_key=b"seal key",
        now=time.time,
        resources=LocalResources(ManifestFolder(stack.home), stack.settings.cluster),
    )


@asynccontextmanager
async def open_hooks(context: GatewayContext) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the receivers of one gateway, as they are after each start of it."""
    app = Starlette(
        routes=[Mount("/hooks", routes=routes(context))], exception_handlers={Problem: _rendered}
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        yield http


async def _rendered(request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return plain(error, "0")


def keep_secret(stack: RealStack, key: bytes = KEY, namespace: str = "default") -> None:
    """Put the key where the local platform looks for it."""
    folder = stack.home.root / "secrets" / namespace / SECRET
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_bytes(key)


def a_trigger(name: str, action: str, **spec: object) -> Manifest:
    """A Trigger of Flux' events about the target of its own name, unless it says otherwise."""
    receiver = {"type": "flux", "name": "flux", "secretRef": {"name": SECRET}}
    wants = {
        "receiver": receiver,
        "match": [{"name": [name]}],
        "action": action,
        "targets": {"names": [name]},
        **spec,
    }
    return parse(
        {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "Trigger",
            "metadata": {"name": f"{name}-{action}"},
            "spec": wants,
        }
    )


def flux_body(
    name: str, reason: str = "ReconciliationSucceeded", at: float | None = None, **more: object
) -> bytes:
    """An event of a Kustomization as Flux writes it."""
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    event = {
        "involvedObject": {
            "kind": "Kustomization",
            "namespace": "flux-system",
            "name": name,
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        },
        "severity": "error" if reason.endswith("Failed") else "info",
        "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "message": f"{reason} in {next(_numbers)}ms, next run in 10m0s",
        "reason": reason,
        "metadata": {"revision": "main@sha1:731f7eaa"},
        "reportingController": "kustomize-controller",
        "reportingInstance": "kustomize-controller-7c7b-x",
        **more,
    }
    return json.dumps(event, separators=(",", ":")).encode()


def signed(body: bytes, key: bytes = KEY) -> Mapping[str, str]:
    """The headers of Flux' `generic-hmac` provider."""
    return {SIGNATURE: sign(key, body), "Content-Type": "application/json"}


async def deliver(http: httpx.AsyncClient, body: bytes, receiver: str = "flux") -> httpx.Response:
    return await http.post(f"/hooks/flux/{receiver}", content=body, headers=signed(body))


async def edit(scene: Scene, *manifests: Manifest) -> None:
    """Change what is kept, and tell nobody: that is what a sender is for."""
    applied = await asyncio.to_thread(Applier(scene.on.home).apply, manifests)
    assert any(change.changed for change in applied.changes)


async def past(scene: Scene, number: int) -> list[Outcome]:
    """Wait until so many rollouts of a target are over; how each ended."""

    async def are_over() -> bool:
        return len(await scene.history()) >= number

    await eventually(are_over, f"{number} rollouts of {scene.name} are over")
    return await scene.history()
