"""Waits until the data plane has taken what was written, by watching the objects.

Used by `activities.routing.kube`. Bounded: who waits may be a tick of an observation, which must
not stand still for a gateway that is down. It sends no heartbeat: an observation's carries its
progress, and a write is over before one is due.
"""

import asyncio

from activities.kube.api import Change, KubeApi
from activities.kube.objects import KubeObject, Ref, ref_of
from activities.racing import plain_errors
from activities.routing.router import Rollout, Router
from activities.routing.writing import Written
from workflows.errors import Reason, failure

PATIENCE = 6.0
"""Seconds; with the requests before it less than one attempt of a write may take."""


async def confirmed(
    api: KubeApi,
    router: Router,
    rollout: Rollout,
    written: Written,
    patience: float = PATIENCE,
) -> None:
    """`RouterDown` (retryable) with the router's reason if it is not taken in time."""
    seen, refs = dict(written.objects), frozenset(written.refs).intersection(router.reads(rollout))
    try:
        async with asyncio.timeout(patience):
            await _watched(api, router, rollout, seen, refs)
    except TimeoutError:
        why = router.waiting(rollout, seen) or "it came too late"
        message = f"the routes of {rollout.namespace}/{rollout.name} are not taken yet: {why}"
        raise failure(Reason.ROUTER_DOWN, message, retryable=True) from None


async def _watched(
    api: KubeApi,
    router: Router,
    rollout: Rollout,
    seen: dict[Ref, KubeObject],
    refs: frozenset[Ref],
) -> None:
    if router.waiting(rollout, seen) is None:
        return
    taken = asyncio.Event()

    async def follow(api_version: str, kind: str) -> None:
        async for each in api.watch(api_version, kind, rollout.namespace):
            if each.change is Change.SYNCED or (ref := ref_of(each.obj)) not in refs:
                continue
            if each.change is Change.DELETED:
                seen.pop(ref, None)
            else:
                seen[ref] = each.obj
            if router.waiting(rollout, seen) is None:
                taken.set()

    with plain_errors():
        async with asyncio.TaskGroup() as group:
            kinds = {(ref.api_version, ref.kind) for ref in refs}
            tasks = [group.create_task(follow(*kind)) for kind in sorted(kinds)]
            await taken.wait()
            for task in tasks:
                task.cancel()
