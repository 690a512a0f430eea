"""What every part of the gateway works with; made once by `worker.gateway.serving`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from temporalio.client import Client

from worker.gateway.access import Access
from worker.gateway.doors import Doors
from worker.gateway.resources import Resources
from worker.gateway.settings import GatewaySettings
from worker.gateway.watching import Watcher
from worker.settings import Settings


@dataclass(frozen=True)
class GatewayContext:
    """One gateway. `now` gives seconds since 1970; without `doors` nobody can sign in."""

    settings: Settings
    gateway: GatewaySettings
    client: Client
    access: Access
    seal_key: bytes
    now: Callable[[], float]
    resources: Resources
    doors: Doors | None = None

    @cached_property
    def watcher(self) -> Watcher:
        """One for all parts: Temporal is asked once a rollout, whoever looks."""
        return Watcher(self.client)
