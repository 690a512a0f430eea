"""Taking Canaries over: each by a first rollout, which finds its primary and keeps it."""

import asyncio
import time
from uuid import uuid4

from temporalio.client import Client

from activities.kube.api import KubeApi
from activities.kube.left import HANDED_BACK, is_handed_back
from activities.kube.objects import ref_of
from activities.kube.store import KubeStore
from worker import rollouts
from worker.takeover.fate import Fate, Sight
from worker.takeover.looking import Found
from workflows.model.decisions import Submit

PAUSE = 0.5
_TAKEN = frozenset({Fate.KEPT, Fate.SAFE_FIRST, Fate.RELEASED, Fate.INITIALISED})


def is_taken(fate: Fate, sight: Sight) -> bool:
    """A suspended one is adopted by the controller as soon as it is not."""
    return fate in _TAKEN and not sight.suspended


async def take(api: KubeApi, client: Client, found: Found, by: str, within: float) -> str:
    """Begin the first rollout and wait for its end; how it ended, in a few words."""
    if is_handed_back(found.canary):
        await api.merge(ref_of(found.canary), {"metadata": {"annotations": {HANDED_BACK: None}}})
    store, end = KubeStore(api, found.slot.cluster), time.monotonic() + within
    past = (await store.read(found.slot)).history
    order = Submit(by=by, revision=found.revision, reason="takeover")
    await rollouts.submit(client, found.slot, order, _id(found))
    while time.monotonic() < end:
        state = await store.read(found.slot)
        if state.promoted_revision is not None and state.history:
            return f"taken over; the primary runs {state.promoted_revision}"
        if state.history != past and state.claim is None:
            last = state.history[-1]
            return f"not taken over: {last.reason or last.outcome}: {last.message}"
        await asyncio.sleep(PAUSE)
    return f"not over after {within:.0f} s; `serinus status {found.slot.name}` tells more"


def _id(found: Found) -> str:
    """A controller that sends the same at the same time sends it once.

    What a controller would not try again (its primary was not ready) is tried again here.
    """
    trigger = found.decision.trigger
    return trigger.id if trigger is not None else f"takeover-{uuid4().hex[:16]}"
