"""What is looked at all the while, past Serinus's own client: routes, primaries, users, hooks."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

from activities.kube.objects import KubeObject, at, int_at, maps_at, text_at
from tests.cluster.session import Cluster

ROUTES = "/apis/traefik.io/v1alpha1/namespaces/{}/traefikservices"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices"
SERVICE = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Weights:
    """The routes of one shop at one version."""

    at: float
    shop: str
    version: str
    shares: dict[str, int]

    @property
    def canary(self) -> int:
        return self.shares.get(f"{self.shop}-canary", 0)

    @property
    def right(self) -> bool:
        return sum(self.shares.values()) == 100 and self.shares.get(f"{self.shop}-primary", 0) > 0


@dataclass
class Observed:
    """Everything seen; `by_hand` are versions that a person wrote, which may be anything."""

    weights: list[Weights] = field(default_factory=list[Weights])
    by_hand: set[str] = field(default_factory=set[str])
    unserved: list[str] = field(default_factory=list[str])
    """Primaries that were seen without a ready endpoint."""
    _ready: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def wrong(self) -> Sequence[Weights]:
        return [
            each for each in self.weights if not each.right and each.version not in self.by_hand
        ]

    def of(self, shop: str, since: float) -> Sequence[Weights]:
        return [each for each in self.weights if each.shop == shop and each.at >= since]

    def exposed(self, shop: str, since: float) -> float:
        """Seconds between the first user on the canary and the last one off it."""
        seen = self.of(shop, since)
        first = next((each.at for each in seen if each.canary), None)
        if first is None:
            return 0.0
        last = max(index for index, each in enumerate(seen) if each.canary)
        return (seen[last + 1].at if last + 1 < len(seen) else monotonic()) - first

    def see_routes(self, change: str, obj: KubeObject) -> None:
        services = maps_at(obj, "spec", "weighted", "services")
        shares = {text_at(each, "name"): int_at(each, "weight") or 0 for each in services}
        if change == "DELETED":
            return
        version = text_at(obj, "metadata", "resourceVersion")
        self.weights.append(Weights(monotonic(), text_at(obj, "metadata", "name"), version, shares))

    def see_slice(self, change: str, obj: KubeObject) -> None:
        service = text_at(obj, "metadata", "labels", SERVICE)
        if not service.endswith("-primary"):
            return
        ready = sum(at(each, "conditions", "ready") is True for each in maps_at(obj, "endpoints"))
        known = self._ready.setdefault(service, set())
        name = text_at(obj, "metadata", "name")
        before = bool(known)
        if ready and change != "DELETED":
            known.add(name)
        else:
            known.discard(name)
        if before and not known:
            self.unserved.append(f"{service} at {obj.get('metadata')}"[:200])


@asynccontextmanager
async def observing(cluster: Cluster, namespace: str) -> AsyncGenerator[Observed]:
    """Watch for the length of the block; outages of the API server are waited out."""
    observed = Observed()

    async def routes() -> None:
        async for change, obj in cluster.rest.follow(ROUTES.format(namespace)):
            observed.see_routes(change, obj)

    async def slices() -> None:
        async for change, obj in cluster.rest.follow(SLICES.format(namespace)):
            observed.see_slice(change, obj)

    tasks = [asyncio.create_task(routes()), asyncio.create_task(slices())]
    try:
        yield observed
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@dataclass(frozen=True, slots=True)
class Ticks:
    """The calls of hooks by their Idempotency-Keys, in the order in which they came."""

    keys: Sequence[str]

    def again_after_completion(self) -> Sequence[str]:
        """Calls of a tick that came after a later tick of the same step: it was completed."""
        newest: dict[str, int] = {}
        late: list[str] = []
        for key in self.keys:
            run, step, tick, hook = key.split("/", 3)
            place = f"{run}/{step}/{hook}"
            if int(tick) < newest.get(place, 0):
                late.append(key)
            newest[place] = max(int(tick), newest.get(place, 0))
        return late

    @property
    def repeated(self) -> int:
        """Calls of ticks that were in flight when their worker or its server died."""
        return sum(count - 1 for count in Counter(self.keys).values())
