"""`Routing` on a cluster: desired routes as objects of a mesh, confirmed by it.

Called by the rollout at each step, and by its observation at each tick; a tick reads each object
once and writes only what does not stand. Which objects they are is the routers' business.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.kube.api import KubeApi
from activities.kube.cookie import cookie_of
from activities.kube.objects import KubeObject, Ref, maps_at
from activities.kube.state import CanarySnapshot, KubeState
from activities.kube.store import KubeStore
from activities.routing.confirming import PATIENCE, confirmed
from activities.routing.registry import ROUTERS
from activities.routing.router import Rollout, RouteError, Router, Wanted
from activities.routing.services import (
    FoundPort,
    found_ports,
    services_read,
    services_undone,
    services_wanted,
)
from activities.routing.writing import ObjectWrites, Writer
from workflows.contracts import Routing
from workflows.errors import Reason, failure, reason_of
from workflows.model.identity import Slot
from workflows.model.plan import Routes, Traffic
from workflows.model.provider import Provider
from workflows.model.requests import EnsureRoutes, RoutesEnsured, SlotWrite

Found = Mapping[Ref, KubeObject]


@dataclass(frozen=True, slots=True)
class _Scene:
    """One look at a slot: whose routes, by which router, and what is there now."""

    canary: CanarySnapshot
    rollout: Rollout
    router: Router
    ports: tuple[FoundPort, ...]
    live: Found

    def wanted(self, routes: Routes) -> tuple[Wanted, ...]:
        """The Services first: a route to none is refused by some meshes."""
        services = services_wanted(self.rollout, ports=self.ports, live=self.live)
        return (*services, self.router.wanted(self.rollout, routes, self.live))

    def wanted_before(self, state: KubeState, traffic: Traffic) -> tuple[Wanted, ...]:
        """What was wanted at the last write; nothing if that was elsewhere or never was."""
        last = state.traffic
        if last is None or state.routes is None:
            return ()
        if (last.provider, last.service) != (traffic.provider, traffic.service):
            return ()
        try:
            return self.wanted(state.routes)
        except RouteError:
            return ()


class KubeRouting(Routing):
    """One for a worker and cluster; `default` is for Canaries that name no provider."""

    def __init__(
        self,
        api: KubeApi,
        store: KubeStore,
        *,
        routers: Mapping[Provider, Router] = ROUTERS,
        default: Provider = Provider.ISTIO,
        patience: float = PATIENCE,
    ) -> None:
        self._api = api
        self._store = store
        self._routers = routers
        self._default = default
        self._patience = patience
        self._writes = ObjectWrites(api)

    @activity.defn(name="routing.ensure")
    async def ensure(self, request: EnsureRoutes) -> RoutesEnsured:
        """Desired state; `Fenced` (final) if a newer write came first."""
        try:
            return await self._ensured(request)
        except RouteError as error:
            raise _rejected(request, str(error)) from error
        except ApplicationError as error:
            if reason_of(error) is Reason.OBJECT_REJECTED:
                raise _rejected(request, error.message) from error
            raise

    async def objects_of(self, request: SlotWrite) -> tuple[Ref, ...]:
        """Whatever routes of this slot may be written to, and is there; writes nothing."""
        state = await self._store.read(request.slot)
        return tuple((await self._scene(request, state, state.traffic)).live)

    async def undo(self, request: SlotWrite) -> None:
        """A revert: what was there before is as it was, and what Serinus made is gone."""
        try:
            await self._undone(request)
        except RouteError as error:
            message = f"the routes of {request.slot.key} cannot be given back: {error}"
            raise failure(Reason.ROUTE_REJECTED, message, retryable=True) from error

    async def _undone(self, request: SlotWrite) -> None:
        async with self._store.write(request.slot, request.fence) as edit:
            scene = await self._scene(request, edit.state, edit.state.traffic)
            mesh = scene.router.undone(scene.rollout, scene.live)
            for wanted in (mesh, *services_undone(scene.rollout, scene.live)):
                await self._writes.give_back(wanted, scene.live, request.fence)
            await edit.save(edit.state.but(routes=None, traffic=None))

    async def _ensured(self, request: EnsureRoutes) -> RoutesEnsured:
        async with self._store.write(request.slot, request.fence) as edit:
            scene = await self._scene(request, edit.state, request.traffic)
            written = await self._writes.make(
                scene.wanted(request.routes),
                scene.wanted_before(edit.state, request.traffic),
                scene.live,
                Writer(request.fence, scene.canary.owner, strict=not takes_back(request.routes)),
            )
            after = edit.state.but(traffic=request.traffic, routes=request.routes)
            await edit.save(after.at_step(request.step))
        await confirmed(self._api, scene.router, scene.rollout, written, self._patience)
        return RoutesEnsured(changed=written.changed, drifted=written.drifted)

    async def _scene(self, request: SlotWrite, state: KubeState, traffic: Traffic | None) -> _Scene:
        canary = _known(request.slot, state.canary)
        spec = canary.spec
        provider = Provider(traffic.provider) if traffic else spec.provider_or(self._default)
        router, rollout = self._router(provider), _rollout(request, canary)
        target = Ref(spec.target_ref.api_version, spec.target_ref.kind, spec.target_ref.name,
                     request.slot.namespace)  # fmt: skip
        refs = [*services_read(rollout), *router.reads(rollout)]
        asked = [*dict.fromkeys([*refs, target] if spec.service.port_discovery else refs)]
        answers = await asyncio.gather(*(self._api.read(ref) for ref in asked))
        live = {ref: obj for ref, obj in zip(asked, answers, strict=True) if obj is not None}
        containers = maps_at(live.get(target, {}), "spec", "template", "spec", "containers")
        return _Scene(canary, rollout, router, found_ports(rollout, containers), live)

    def _router(self, provider: Provider) -> Router:
        if provider not in self._routers:
            raise RouteError(f"provider {provider} has no router on a cluster")
        return self._routers[provider]


def takes_back(routes: Routes) -> bool:
    """Whether users leave the canary: that is tried until it is done."""
    return routes.canary == 0 and not routes.mirrored


def _rollout(request: SlotWrite, canary: CanarySnapshot) -> Rollout:
    return Rollout(
        namespace=request.slot.namespace,
        name=request.slot.name,
        canary=canary.spec,
        annotations=canary.annotations,
        selector_label=canary.selector_label,
        revision=request.revision,
        cookie=cookie_of(canary.uid, request.revision),
    )


def _known(slot: Slot, canary: CanarySnapshot | None) -> CanarySnapshot:
    if canary is None:
        message = f"nothing is known of Canary {slot.key}; its rollout has not begun"
        raise failure(Reason.TARGET_NOT_FOUND, message, retryable=False)
    return canary


def _rejected(request: EnsureRoutes, why: str) -> ApplicationError:
    """Final on the way to the canary; users must come back whatever it takes."""
    message = f"the routes of {request.slot.key} are refused: {why}"
    return failure(Reason.ROUTE_REJECTED, message, retryable=takes_back(request.routes))
