"""The autoscalers of a target: its own rests while it is at zero, the primary's follows it.

While users are away from the primary its scaler may not shrink it: they all come back at once.
"""

from activities.kube.objects import Ref
from activities.workload.needs import Work
from activities.workload.scalers import (
    least_copies,
    pause,
    primary_scaler,
    resume,
    scaler_ref,
)
from activities.workload.selector import PRIMARY
from activities.workload.writes import FencedWrites
from workflows.errors import Reason, failure


class Scalers:
    """One for a worker; without an autoscaler in the Canary nothing is done."""

    def __init__(self, writes: FencedWrites) -> None:
        self._api = writes.api
        self._writes = writes

    async def copy(self, work: Work, floor: int = 0) -> None:
        """The primary's scaler as the target's is now, never below `floor`."""
        scaler = work.canary.autoscaler_ref
        if scaler is None:
            return
        ref = scaler_ref(scaler, work.slot.namespace)
        live = await self._api.read(ref)
        if live is None:
            raise _missing(work, ref)
        wanted = primary_scaler(scaler, live, work.target.name, floor)
        mine = Ref(ref.api_version, ref.kind, ref.name + PRIMARY, ref.namespace)
        await self._writes.ensure(work, mine, lambda _: wanted)

    async def let_go(self, work: Work) -> None:
        """No floor any more; that somebody deleted the scaler must not hold up a restore."""
        scaler = work.canary.autoscaler_ref
        if scaler is not None:
            ref = scaler_ref(scaler, work.slot.namespace)
            if await self._api.read(ref) is not None:
                await self.copy(work)

    async def pause(self, work: Work) -> None:
        scaler = work.canary.autoscaler_ref
        if scaler is not None:
            ref = scaler_ref(scaler, work.slot.namespace)
            await self._writes.patch(work, ref, lambda live: pause(scaler, live))

    async def resume(self, work: Work) -> None:
        scaler = work.canary.autoscaler_ref
        if scaler is not None:
            ref = scaler_ref(scaler, work.slot.namespace)
            await self._writes.patch(work, ref, lambda live: resume(scaler, live))

    async def least_copies(self, work: Work) -> int | None:
        """With how many copies the scaler begins; None without one."""
        scaler = work.canary.autoscaler_ref
        if scaler is None:
            return None
        live = await self._api.read(scaler_ref(scaler, work.slot.namespace))
        return None if live is None else least_copies(scaler, live)


def _missing(work: Work, ref: Ref) -> Exception:
    return failure(
        Reason.TARGET_NOT_FOUND,
        f"{ref}, the autoscalerRef of {work.slot.key}, is not there; create it or take the "
        "reference out",
        retryable=True,
    )
