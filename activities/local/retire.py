"""Takes copies out of service in the only safe order: off the proxy, drained, stopped.

Copies to go are noted in the state first, so that any later write of the slot can go on where a
lost worker stopped.
"""

import asyncio

from activities.local.copies import CopyRunner
from activities.local.state import Copies, Edit, TargetState, TargetStore
from activities.local.traffic import LocalTraffic
from workflows.model.identity import Fence, Slot
from workflows.model.plan import ALL_PRIMARY


class Retirement:
    """One for a worker."""

    def __init__(self, store: TargetStore, runner: CopyRunner, traffic: LocalTraffic) -> None:
        self._store = store
        self._runner = runner
        self._traffic = traffic

    async def detach_canary(self, slot: Slot, edit: Edit) -> None:
        """Users leave the canary, and a primary that was to be is given up."""
        after = without_canary(edit.state)
        if after != edit.state:
            await self._traffic.write(slot, edit, after, urgent=True)

    async def sweep(self, slot: Slot, fence: Fence) -> None:
        """Drain and stop what is retired; `Fenced` leaves it to who came after."""
        retired = (await self._store.read(slot)).retired
        if not retired:
            return
        await self._traffic.served(slot, fence)
        await asyncio.sleep(max(copies.drain for copies in retired))
        await self._store.refuse_overtaken(slot, fence)
        await asyncio.gather(*(self._runner.stop(slot, copies) for copies in retired))
        async with self._store.write(slot, fence, urgent=True) as edit:
            left = tuple(copies for copies in edit.state.retired if copies not in retired)
            await edit.save(edit.state.but(retired=left))


def without_canary(state: TargetState) -> TargetState:
    going = retiring(state.canary, state.incoming)
    if not going:
        return state
    routes = None if state.routes is None else ALL_PRIMARY
    return state.but(canary=None, incoming=None, routes=routes, retired=(*state.retired, *going))


def retiring(*copies: Copies | None) -> tuple[Copies, ...]:
    return tuple(each for each in copies if each is not None)
