"""All traffic to the primary, without Temporal and without a worker: `serinus reset`.

A rollout that still runs is overtaken: every later write of it is refused.
"""

import time

from activities.local.platform import LocalPlatform
from activities.local.retire import without_canary
from workflows.errors import Reason, failure
from workflows.model.identity import Fence, Slot
from workflows.model.plan import ALL_PRIMARY

RUN = "serinus reset"


async def reset(platform: LocalPlatform, slot: Slot) -> None:
    """Route, wait until it is served, then stop the canary.

    `TargetNotFound` if nothing was ever released, `PrimaryNotReady` if the canary must stay up.
    """
    state = await platform.store.read(slot)
    if state.primary is None:
        message = f"there is no primary of {slot.key} to send users to; `serinus get` lists targets"
        raise failure(Reason.TARGET_NOT_FOUND, message, retryable=False)
    await platform.start()
    generation = max(int(time.time() * 1000), state.fence.generation + 1)
    fence = Fence(run_id=RUN, generation=generation, sequence=0)
    async with platform.store.write(slot, fence, urgent=True) as edit:
        after = without_canary(edit.state).but(routes=ALL_PRIMARY)
        await platform.traffic.write(slot, edit, after, urgent=True)
    await platform.traffic.served(slot, fence)
    await platform.canary.stop(slot, fence)
