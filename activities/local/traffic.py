"""Makes the proxy serve what the state of a target says; used by all that moves users.

The file is written first and the state kept after it: a crash between them leaves a file that is
ahead of the state, which the next look puts right, and never a state that nobody serves.
"""

from opentelemetry.util.types import AttributeValue

from activities.local.ports import LOOPBACK
from activities.local.proxy import SERVED_WITHIN, Proxy
from activities.local.state import Copies, Edit, TargetState, TargetStore
from activities.routing.traefik_file import Dynamic, RouteError, render
from activities.tracing import spanned
from workflows.errors import Reason, failure
from workflows.model.identity import Fence, Slot
from workflows.model.plan import ALL_PRIMARY

SETTLING = 1.0
"""Seconds that a proxy may take for what was written before; longer is drift."""


class LocalTraffic:
    """Writes and confirms configuration; one for a worker."""

    def __init__(self, store: TargetStore, proxy: Proxy) -> None:
        self._store = store
        self._proxy = proxy

    async def write(self, slot: Slot, edit: Edit, after: TargetState, *, urgent: bool) -> None:
        """Write the configuration that follows from `after`, then keep `after`."""
        config = config_of(slot, after)
        if config is None:
            await self._proxy.remove(slot)
        else:
            with spanned("write routes", _about(slot, after)):
                await self._proxy.write(slot, config, urgent=urgent)
        await edit.save(after)

    async def served(self, slot: Slot, fence: Fence, within: float = SERVED_WITHIN) -> None:
        """Wait until users meet what the state says."""
        config = config_of(slot, await self._store.read(slot))
        if config is None:
            return

        async def still_wanted() -> None:
            await self._store.refuse_overtaken(slot, fence)

        await self._proxy.served(slot, config, still_wanted, within)

    async def file(self, slot: Slot) -> Dynamic | None:
        return await self._proxy.read(slot)

    async def is_other(self, slot: Slot, state: TargetState) -> bool:
        """Whether users meet something else; a proxy that is down is no drift."""
        config = config_of(slot, state)
        return config is not None and await self._proxy.serves_other(slot, config)


def _about(slot: Slot, after: TargetState) -> dict[str, AttributeValue]:
    routes = after.routes or ALL_PRIMARY
    return {
        "serinus.slot": slot.key,
        "serinus.primary_weight": routes.primary,
        "serinus.canary_weight": routes.canary,
    }


def config_of(slot: Slot, state: TargetState) -> Dynamic | None:
    """What the proxy should serve; None while there is no primary or nothing was ever routed."""
    if state.traffic is None or state.routes is None or state.primary is None:
        return None
    try:
        return render(
            slot.namespace, state.traffic, state.routes, _urls(state.primary), _urls(state.canary)
        )
    except RouteError as error:
        message = f"the routes of {slot.key} are refused: {error}"
        raise failure(Reason.ROUTE_REJECTED, message, retryable=False) from error


def _urls(copies: Copies | None) -> tuple[str, ...]:
    ports = () if copies is None else copies.ports
    return tuple(f"http://{LOOPBACK}:{port}" for port in ports)
