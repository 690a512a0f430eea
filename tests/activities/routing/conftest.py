"""A shop on a cluster in memory, and the engine that routes its users."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, maps_at
from activities.kube.state import CanarySnapshot
from activities.kube.store import KubeStore
from activities.routing.kube import KubeRouting
from tests.fakes_kube import InMemoryKube
from workflows.model.canary import CanarySpec
from workflows.model.identity import Fence, Slot
from workflows.model.plan import Routes, Traffic
from workflows.model.requests import EnsureRoutes, RoutesEnsured, SlotWrite

Json = dict[str, JsonValue]
SLOT = Slot(cluster="here", namespace="shop", name="shop")
ISTIO = "networking.istio.io/v1beta1"
ROUTE = Ref(ISTIO, "VirtualService", "shop", "shop")
HTTP_ROUTE = Ref("gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "shop")
APEX = Ref("v1", "Service", "shop", "shop")


@dataclass
class Scene:
    """`run` is the generation of the running rollout, `commands` counts its commands."""

    kube: InMemoryKube = field(default_factory=InMemoryKube)
    patience: float = 5.0
    provider: str = "istio"
    run: int = 1_000
    commands: int = 0

    def __post_init__(self) -> None:
        self.store = KubeStore(self.kube, "here")
        self.routing = KubeRouting(self.kube, self.store, patience=self.patience)

    async def begin(
        self,
        provider: str = "istio",
        service: Mapping[str, JsonValue] | None = None,
        analysis: Json | None = None,
    ) -> None:
        """A run claims the slot."""
        self.provider = provider
        gateways: Json = {"gatewayRefs": [{"name": "public"}]}
        spec = CanarySpec.model_validate(
            {
                "provider": provider,
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
                "service": {"port": 80, **gateways, **(service or {})},
                "analysis": analysis or {"interval": "1m", "threshold": 2, "stepWeight": 10},
            }
        )
        snapshot = CanarySnapshot(
            name="shop", uid="uid-of-canary", spec=spec, selector_label=("app", "shop")
        )
        async with self.store.write(SLOT, self.fence(next_run=True)) as edit:
            await edit.save(edit.state.but(canary=snapshot))

    def fence(self, *, next_run: bool = False) -> Fence:
        self.run += next_run
        self.commands += 1
        return Fence(run_id=f"run-{self.run}", generation=self.run, sequence=self.commands)

    def request(
        self, canary: int, *, mirrored: bool = False, fence: Fence | None = None
    ) -> EnsureRoutes:
        return EnsureRoutes(
            slot=SLOT,
            fence=fence or self.fence(),
            revision="s1-new",
            traffic=Traffic(provider=self.provider, service="shop"),
            routes=Routes(primary=100 - canary, canary=canary, mirrored=mirrored),
            step=f"weight-{canary}",
        )

    async def ensure(self, canary: int, *, fence: Fence | None = None) -> RoutesEnsured:
        return await self.routing.ensure(self.request(canary, fence=fence))

    async def undo(self) -> None:
        await self.routing.undo(SlotWrite(slot=SLOT, fence=self.fence(), revision="s1-new"))

    def route(self) -> KubeObject:
        return self.kube.get(ROUTE)


class PruningKube(InMemoryKube):
    """A cluster whose VirtualServices know no timeout."""

    async def apply(
        self, obj: KubeObject, *, resource_version: str | None = None, force: bool = True
    ) -> KubeObject:
        kept = copy.deepcopy(dict(obj))
        for rule in maps_at(kept, "spec", "http"):
            rule.pop("timeout", None)
        return await super().apply(kept, resource_version=resource_version, force=force)


@pytest.fixture
def scene() -> Scene:
    return Scene()
