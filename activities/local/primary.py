"""The primary's copies: new ones start beside the old, take over, and only then the old go.

Every point at which a worker may be lost leaves a state from which the same call goes on.
"""

from activities.local.copies import CopyRunner
from activities.local.readiness import Readinesses
from activities.local.retire import Retirement, retiring
from activities.local.state import Copies, TargetState, TargetStore
from activities.local.traffic import LocalTraffic
from workflows.model.identity import Fence, Slot
from workflows.model.plan import ALL_PRIMARY, Traffic
from workflows.model.requests import AdoptTarget, PromoteTarget


class PrimaryCopies:
    """One for a worker; `activities.local.workload` calls it."""

    def __init__(
        self,
        store: TargetStore,
        runner: CopyRunner,
        readiness: Readinesses,
        traffic: LocalTraffic,
        retirement: Retirement,
    ) -> None:
        self._store = store
        self._runner = runner
        self._readiness = readiness
        self._traffic = traffic
        self._retirement = retirement

    async def promote(self, request: PromoteTarget) -> None:
        """Make the primary run the revision; no request is lost."""
        incoming = await self._begin(request, "promote")
        if incoming is not None:
            await self._until_ready(request, incoming, request.ready_percent)
            await self._take_over(request, None)
        await self._settle(request.slot, request.fence)

    async def adopt(self, request: AdoptTarget) -> None:
        """Make the first primary and route users to it."""
        incoming = await self._begin(request, "adopt")
        if incoming is not None:
            await self._until_ready(request, incoming, 100)
        await self._take_over(request, request.traffic)
        await self._settle(request.slot, request.fence)

    async def withdraw(self, slot: Slot, fence: Fence) -> None:
        """Give up a primary that has not taken over; the old one serves on."""
        async with self._store.write(slot, fence, urgent=True) as edit:
            going = retiring(edit.state.incoming)
            await edit.save(edit.state.but(incoming=None, retired=(*edit.state.retired, *going)))
        await self._retirement.sweep(slot, fence)

    async def remove(self, slot: Slot, fence: Fence) -> None:
        """Nothing of the target is left; its users get 404 from the proxy."""
        async with self._store.write(slot, fence, urgent=True) as edit:
            state = edit.state
            empty = TargetState(
                fence=state.fence, claim=state.claim, retired=state.copies, history=state.history
            )
            await self._traffic.write(slot, edit, empty, urgent=True)
        await self._retirement.sweep(slot, fence)

    async def _begin(self, request: PromoteTarget | AdoptTarget, step: str) -> Copies | None:
        """The copies that are to take over; None when they have."""
        slot, fence, revision = request.slot, request.fence, request.revision
        async with self._store.write(slot, fence) as edit:
            state, incoming = edit.state, edit.state.incoming
            if state.primary is not None and state.primary.revision == revision:
                return None
            if incoming is not None and incoming.revision != revision:
                await edit.save(state.but(incoming=None, retired=(*state.retired, incoming)))
                incoming = None
            if incoming is None:
                incoming = await self._runner.allot(slot, fence, edit.state, "primary", revision)
            incoming = self._runner.renewed(incoming, fence)
            await edit.save(edit.state.but(incoming=incoming, step=step))
            await self._runner.ensure(slot, incoming)
            return incoming

    async def _until_ready(
        self, request: PromoteTarget | AdoptTarget, incoming: Copies, percent: int
    ) -> None:
        async def still_wanted() -> None:
            await self._store.refuse_overtaken(request.slot, request.fence)

        needed = incoming.needed(percent)
        await self._readiness.wait(request.slot, incoming, needed, request.deadline, still_wanted)

    async def _take_over(
        self, request: PromoteTarget | AdoptTarget, traffic: Traffic | None
    ) -> None:
        slot = request.slot
        async with self._store.write(slot, request.fence) as edit:
            after = _taken_over(edit.state, request.revision)
            if traffic is not None:
                after = after.but(traffic=traffic, routes=ALL_PRIMARY)
            await self._traffic.write(slot, edit, after, urgent=False)

    async def _settle(self, slot: Slot, fence: Fence) -> None:
        await self._traffic.served(slot, fence)
        await self._retirement.sweep(slot, fence)


def _taken_over(state: TargetState, revision: str) -> TargetState:
    """The incoming copies are the primary, and the old primary is retired."""
    if state.incoming is not None and state.incoming.revision == revision:
        old = retiring(state.primary)
        state = state.but(primary=state.incoming, incoming=None, retired=(*state.retired, *old))
    return state.promoted(revision)
