"""The canary's copies: started beside the primary, stopped once users have left them."""

from activities.local.copies import CopyRunner
from activities.local.readiness import Readinesses
from activities.local.retire import Retirement
from activities.local.state import Copies, TargetStore
from activities.local.traffic import LocalTraffic
from workflows.errors import Reason, failure
from workflows.model.identity import Fence, Slot
from workflows.model.requests import StartCanary


class CanaryCopies:
    """One for a worker; `activities.local.workload` and `reset` call it."""

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

    async def start(self, request: StartCanary) -> None:
        """Bring the canary to the revision and wait until it is ready."""
        slot, fence = request.slot, request.fence
        canary = await self._begin(request)
        await self._retirement.sweep(slot, fence)
        needed = canary.needed(request.ready_percent)

        async def still_wanted() -> None:
            await self._store.refuse_overtaken(slot, fence)

        await self._readiness.wait(slot, canary, needed, request.deadline, still_wanted)

    async def stop(self, slot: Slot, fence: Fence) -> None:
        """Drain and stop; refused while no primary process could take the users."""
        await self._refuse_last_copies(slot)
        async with self._store.write(slot, fence, urgent=True) as edit:
            await self._retirement.detach_canary(slot, edit)
        await self._retirement.sweep(slot, fence)

    async def _begin(self, request: StartCanary) -> Copies:
        slot, fence, revision = request.slot, request.fence, request.revision
        async with self._store.write(slot, fence) as edit:
            canary = edit.state.canary
            if canary is None or canary.revision != revision:
                await self._retirement.detach_canary(slot, edit)
                canary = await self._runner.allot(slot, fence, edit.state, "canary", revision)
            canary = self._runner.renewed(canary, fence)
            after = edit.state.but(canary=canary, step="start")
            await self._traffic.write(slot, edit, after, urgent=False)
            await self._runner.ensure(slot, canary)
            return canary

    async def _refuse_last_copies(self, slot: Slot) -> None:
        state = await self._store.read(slot)
        if state.canary is None or state.primary is None:
            return
        if await self._readiness.ready_count(slot, state.primary) == 0:
            raise failure(
                Reason.PRIMARY_NOT_READY,
                f"no primary process of {slot.key} is ready, so the canary is not stopped; "
                "it is tried again",
                retryable=True,
            )
