"""The faults, each done to a running cluster and engine, and mended again where it must be."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

from pydantic import JsonValue

from activities.kube.objects import maps_at, text_at
from tests.cluster.chaos.observing import Observed
from tests.cluster.chaos.script import Fault, Release
from tests.cluster.rest import MERGE, UNREACHED, Refused
from tests.cluster.scenes.engine import Engine
from tests.cluster.session import Cluster, until

ROUTES = "/apis/traefik.io/v1alpha1/namespaces/{}/traefikservices/{}"
PODS = "/api/v1/namespaces/{}/pods?labelSelector=app%3D{}"
BY_HAND = 73
PATIENCE = 60.0
AFTER = 1.0
LONGEST_AFTER = 8
T = TypeVar("T")


async def insisting(ask: Callable[[], Awaitable[T]]) -> T:
    """As people do whose cluster does not answer for a while."""
    until_then = monotonic() + PATIENCE
    while True:
        try:
            return await ask()
        except Refused as error:
            if error.status < 500 and error.status not in (409, 429):
                raise
            if monotonic() > until_then:
                raise
        except UNREACHED:
            if monotonic() > until_then:
                raise
        await asyncio.sleep(0.2)


@dataclass
class Faults:
    """One at a time, so that each can be told its cost; only an edit may meet anything."""

    cluster: Cluster
    engine: Engine
    namespace: str
    observed: Observed
    edit: Callable[[Release], Awaitable[None]]
    lost: Callable[[], int]
    cost: Counter[Fault] = field(default_factory=Counter[Fault])
    """Requests of all users that were lost while a fault lasted and shortly after."""

    def __post_init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._do: Mapping[Fault, Callable[[Release], Awaitable[None]]] = {
            Fault.WORKER: lambda release: self._part("worker", release),
            Fault.CONTROLLER: lambda release: self._part("controller", release),
            Fault.TEMPORAL: lambda release: self._part("temporal", release),
            Fault.APISERVER: lambda release: self._daemon("apiserver", release),
            Fault.ETCD: lambda release: self._daemon("etcd", release),
            Fault.DATA_PLANE: lambda release: self._daemon("traefik", release),
            Fault.PODS: self._pods,
            Fault.HAND: self._hand,
        }

    async def strike(self, release: Release) -> None:
        """At its moment after now."""
        await asyncio.sleep(release.at)
        if release.fault is Fault.EDIT:
            await self.edit(release)
            return
        async with self._one_at_a_time:
            before = self.lost()
            await self._do[release.fault](release)
            await self._over()
            self.cost[release.fault] += self.lost() - before

    async def _over(self) -> None:
        """Users may feel it for a while after it is mended."""
        for _ in range(LONGEST_AFTER):
            before = self.lost()
            await asyncio.sleep(AFTER)
            if self.lost() == before:
                return

    async def _part(self, part: str, release: Release) -> None:
        await self.engine.kill(part)
        await asyncio.sleep(release.away)
        await self.engine.start(part)

    async def _daemon(self, name: str, release: Release) -> None:
        await self.cluster.kill(name)
        await asyncio.sleep(release.away if name == "apiserver" else 0)
        await self.cluster.start(name)
        if name != "traefik":
            await until(self.cluster.rest.alive, f"{name} is back", PATIENCE)

    async def _pods(self, release: Release) -> None:
        path = PODS.format(self.namespace, release.shop)
        found = await insisting(lambda: self.cluster.rest.ask("GET", path))
        for pod in maps_at(found, "items"):
            if text_at(pod, "status", "phase") == "Running":
                await self.cluster.crash(text_at(pod, "metadata", "name"), self.namespace)

    async def _hand(self, release: Release) -> None:
        shop = release.shop
        services: list[JsonValue] = [
            {"name": f"{shop}-{side}", "namespace": self.namespace, "port": 80, "weight": weight}
            for side, weight in (("primary", 100 - BY_HAND), ("canary", BY_HAND))
        ]
        patch: JsonValue = {"spec": {"weighted": {"services": services}}}
        path = ROUTES.format(self.namespace, shop)
        made = await insisting(lambda: self.cluster.rest.ask("PATCH", path, patch, MERGE))
        self.observed.by_hand.add(text_at(made, "metadata", "resourceVersion"))
