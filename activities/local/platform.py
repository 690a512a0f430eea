"""Puts the parts of the local platform together; `worker` and the tests open it."""

from pathlib import Path

import httpx

from activities.claims import IsRunning
from activities.local.bundles import BundleReader
from activities.local.canary import CanaryCopies
from activities.local.copies import CopyRunner
from activities.local.home import Home
from activities.local.manifests import ManifestFolder
from activities.local.planning import LocalPlanning
from activities.local.primary import PrimaryCopies
from activities.local.proxy import Proxy, ProxyPorts
from activities.local.readiness import Readinesses
from activities.local.retire import Retirement
from activities.local.revisions import RevisionFolder
from activities.local.routing import LocalRouting
from activities.local.state import TargetStore
from activities.local.supervisor import Supervisor
from activities.local.traffic import LocalTraffic
from activities.local.workload import LocalWorkload


class LocalPlatform:
    """The parts of one home; owns nothing that must be closed. `http` is for loopback only."""

    def __init__(
        self, home: Home, http: httpx.AsyncClient, ports: ProxyPorts, traefik: Path
    ) -> None:
        self.home = home
        self.manifests = ManifestFolder(home)
        self.store = TargetStore(home)
        self.supervisor = Supervisor(home)
        self.proxy = Proxy(home, self.supervisor, http, ports, traefik)
        self.readiness = Readinesses(self.supervisor, http)
        runner = CopyRunner(home, self.supervisor)
        self.traffic = LocalTraffic(self.store, self.proxy)
        self.retirement = Retirement(self.store, runner, self.traffic)
        parts = (self.store, runner, self.readiness, self.traffic, self.retirement)
        self.canary = CanaryCopies(*parts)
        self.primary = PrimaryCopies(*parts)

    async def start(self) -> None:
        """Have supervisor and proxy run; they outlive the caller."""
        await self.supervisor.start()
        await self.proxy.start()

    def routing(self) -> LocalRouting:
        return LocalRouting(self.store, self.traffic)

    def workload(self) -> LocalWorkload:
        return LocalWorkload(self.store, self.canary, self.primary, self.manifests)

    def planning(self, is_running: IsRunning, event_webhook: str = "") -> LocalPlanning:
        bundles, revisions = BundleReader(self.manifests), RevisionFolder(self.home)
        return LocalPlanning(self.store, bundles, revisions, is_running, event_webhook)
