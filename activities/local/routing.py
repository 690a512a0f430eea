"""`Routing` on this machine: desired routes, written to the proxy and confirmed by it."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.local.state import TargetState, TargetStore
from activities.local.traffic import SETTLING, LocalTraffic, config_of
from activities.routing.traefik_file import Dynamic
from workflows.contracts import Routing
from workflows.errors import Reason, reason_of
from workflows.model.identity import Slot
from workflows.model.plan import Routes
from workflows.model.requests import EnsureRoutes, RoutesEnsured


class LocalRouting(Routing):
    """Called by the rollout at each step, and by its observation at each tick."""

    def __init__(self, store: TargetStore, traffic: LocalTraffic) -> None:
        self._store = store
        self._traffic = traffic

    @activity.defn(name="routing.ensure")
    async def ensure(self, request: EnsureRoutes) -> RoutesEnsured:
        """Desired state; `Fenced` (final) if a newer write came first."""
        ensured = await self._write(request)
        if ensured.changed or await self._is_live(request):
            await self._traffic.served(request.slot, request.fence)
            return ensured
        await self._write_again(request)
        await self._traffic.served(request.slot, request.fence)
        return RoutesEnsured(changed=True, drifted=True)

    async def _write(self, request: EnsureRoutes) -> RoutesEnsured:
        slot, urgent = request.slot, takes_back(request.routes)
        async with self._store.write(slot, request.fence, urgent=urgent) as edit:
            before, after = edit.state, _after(edit.state, request)
            found = await self._traffic.file(slot)
            wanted = config_of(slot, after)
            if found == wanted:
                await edit.save(after)
            else:
                await self._traffic.write(slot, edit, after, urgent=urgent)
            drifted = found not in (_written(slot, before), wanted)
            return RoutesEnsured(changed=found != wanted, drifted=drifted)

    async def _is_live(self, request: EnsureRoutes) -> bool:
        """The file is right; is it served? The proxy may still be reading it, or starting."""
        try:
            await self._traffic.served(request.slot, request.fence, within=SETTLING)
        except ApplicationError as error:
            if reason_of(error) is not Reason.ROUTER_DOWN:
                raise
            state = await self._store.read(request.slot)
            return not await self._traffic.is_other(request.slot, state)
        return True

    async def _write_again(self, request: EnsureRoutes) -> None:
        urgent = takes_back(request.routes)
        async with self._store.write(request.slot, request.fence, urgent=urgent) as edit:
            await self._traffic.write(request.slot, edit, edit.state, urgent=urgent)


def takes_back(routes: Routes) -> bool:
    """Whether users leave the canary; on a full disk such a write may use the reserve."""
    return routes.canary == 0 and not routes.mirrored


def _written(slot: Slot, state: TargetState) -> Dynamic | None:
    """What was refused was not written; it must not stand in the way of a restore."""
    try:
        return config_of(slot, state)
    except ApplicationError:
        return None


def _after(state: TargetState, request: EnsureRoutes) -> TargetState:
    return state.but(traffic=request.traffic, routes=request.routes).at_step(request.step)
