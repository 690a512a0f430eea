"""Puts one gateway together: keys, ways in, rights, and where manifests are read.

Called by `worker.gateway.serving` and by tests.
"""

import time
from collections.abc import Callable
from pathlib import Path

from temporalio.client import Client

from activities.local.home import Home
from activities.local.manifests import ManifestFolder
from worker.gateway.access import Access
from worker.gateway.context import GatewayContext
from worker.gateway.doors import open_doors
from worker.gateway.keys import key_in
from worker.gateway.resources import LocalResources, Resources
from worker.gateway.roles import Roles
from worker.gateway.settings import GatewaySettings
from worker.settings import Settings

STATE = "gateway"


def state_of(settings: Settings, gateway: GatewaySettings) -> Path:
    """The folder of sessions, tokens, links and keys."""
    return gateway.state or settings.home / STATE


def open_context(
    settings: Settings,
    gateway: GatewaySettings,
    client: Client,
    *,
    now: Callable[[], float] = time.time,
    resources: Resources | None = None,
) -> GatewayContext:
    """A gateway that is ready to be served; SettingsError for files that are wrong. Blocking."""
    local = settings.platform == "local"
    gateway = at_its_address(settings, gateway)
    state = state_of(settings, gateway)
    doors, form_key = open_doors(gateway, state, now, local=local)
    return GatewayContext(
        settings=settings,
        gateway=gateway,
        client=client,
        access=Access(doors.ways, Roles(gateway.roles), form_key),
        seal_key=key_in(settings.seal_key_path),
        now=now,
        resources=resources or local_resources(settings),
        doors=doors,
    )


def at_its_address(settings: Settings, gateway: GatewaySettings) -> GatewaySettings:
    """People reach it where alerts say, unless it says so itself."""
    if gateway.public_url is not None or not settings.url:
        return gateway
    return gateway.model_copy(update={"public_url": settings.url.rstrip("/")})


def local_resources(settings: Settings) -> Resources:
    """Those of the home."""
    return LocalResources(ManifestFolder(Home(settings.home)), settings.cluster)
