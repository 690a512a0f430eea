"""Handing a Canary back to Flagger: objects stay, every word of Serinus goes.

Called by `serinus handback`. The Canary is marked first, so that no controller takes it again;
done twice, the second time ends what the first had begun.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.kube.api import KubeApi
from activities.kube.left import HANDED_BACK
from activities.kube.objects import KubeObject, Ref, map_at, ref_of, text_at
from activities.kube.snapshots import API_VERSION, CANARY_LABEL, KIND
from activities.kube.state import CanarySnapshot, KubeState
from activities.kube.store import SUFFIX, KubeStore
from activities.routing.kube import KubeRouting
from activities.workload.configs import place_of
from activities.workload.scalers import scaler_ref
from activities.workload.selector import PRIMARY
from worker import rollouts
from worker.controller.deciding import OUR_FINALIZER, finalizers_of
from worker.controller.sources import CANARY, target_ref
from worker.takeover.cleaning import cleaned
from workflows.errors import Reason, SerinusError, reason_of
from workflows.model.identity import Slot
from workflows.model.requests import SlotWrite
from workflows.model.status import Phase
from workflows.model.tracking import references

ATTEMPTS = 5
FIRST_ACTION = (
    "Flagger's first action: it initialises the Canary it finds (phase Initialized), keeps the "
    "primary and its routes, and starts no rollout"
)


class NotHandedBack(SerinusError):  # noqa: N818  the name says what is wrong
    """A Canary stays with Serinus; the text says why."""


@dataclass(frozen=True, slots=True)
class HandedBack:
    """A Canary that is Flagger's again, and what to know of it."""

    slot: Slot
    cleaned: int
    warning: str = ""


class Giver:
    """Hands Canaries of one cluster back."""

    def __init__(
        self, api: KubeApi, client: Client, store: KubeStore, routing: KubeRouting
    ) -> None:
        self._api = api
        self._client = client
        self._store = store
        self._routing = routing

    async def give(self, slot: Slot) -> HandedBack:
        """`NotHandedBack` while a rollout runs, or if Serinus does not have it."""
        await self._refuse_running(slot)
        state = await self._store.read(slot)
        canary = await self._api.read(Ref(*CANARY, slot.name, slot.namespace))
        if canary is None or state.canary is None:
            raise NotHandedBack(f"{slot.key} is not with Serinus; there is nothing to hand back")
        await self._mark(canary)
        # A trigger may have come in between; its run is not stopped half way.
        await self._refuse_running(slot)
        refs = await self._refs(slot, state, canary)
        count = sum([await self._clean(ref) for ref in refs])
        await self._forget(slot)
        await self._clean(ref_of(canary))
        return HandedBack(slot, count, _warning(canary, state))

    async def _refuse_running(self, slot: Slot) -> None:
        claim = (await self._store.read(slot)).claim
        try:
            runs = await rollouts.is_running(self._client, slot)
        except rollouts.NoRollout:
            runs = False
        if runs or claim is not None:
            await self._unmark(slot)
            raise NotHandedBack(
                f"a rollout of {slot.key} is running; wait for its end, or take it back with "
                f"`serinus abort {slot.name}`"
            )

    async def _mark(self, canary: KubeObject) -> None:
        """Without our finalizer, and with no status: Flagger then knows nothing, and asks."""
        kept = [name for name in finalizers_of(canary) if name != OUR_FINALIZER]
        finalizers: JsonValue = [*kept] or None
        metadata: JsonValue = {"annotations": {HANDED_BACK: "true"}, "finalizers": finalizers}
        await self._api.merge(ref_of(canary), {"metadata": metadata})

    async def _unmark(self, slot: Slot) -> None:
        canary = Ref(*CANARY, slot.name, slot.namespace)
        if HANDED_BACK in map_at(await self._api.read(canary) or {}, "metadata", "annotations"):
            await self._api.merge(canary, {"metadata": {"annotations": {HANDED_BACK: None}}})

    async def _refs(self, slot: Slot, state: KubeState, canary: KubeObject) -> Iterable[Ref]:
        """Whatever a rollout of this Canary may have written to."""
        request = SlotWrite(slot=slot, fence=state.fence, revision=state.promoted_revision or "")
        found = dict.fromkeys(await self._routing.objects_of(request))
        where = target_ref(canary)
        if where is not None:
            primary = Ref(where.api_version, where.kind, where.name + PRIMARY, slot.namespace)
            found |= dict.fromkeys((where, primary, *await self._configs(where)))
        return (*found, *_scalers(slot, state.canary))

    async def _configs(self, target: Ref) -> Sequence[Ref]:
        """The primary's copies; the target's own were never written to."""
        live = await self._api.read(target)
        named = references(map_at(live or {}, "spec", "template"))
        namespace = target.namespace or ""
        names = ((ref.key, ref.name) for ref in named)
        return [place_of(key, namespace, name + suffix) for key, name in names
                for suffix in (PRIMARY, f"-{target.name}{PRIMARY}")]  # fmt: skip

    async def _clean(self, ref: Ref) -> bool:
        for last in (*(False,) * (ATTEMPTS - 1), True):
            live = await self._api.read(ref)
            patch = cleaned(live) if live is not None else None
            if patch is None:
                return False
            try:
                await self._api.merge(ref, patch)
            except ApplicationError as error:
                if last or reason_of(error) is not Reason.CONFLICT:
                    raise
            else:
                return True
        raise AssertionError(ref)

    async def _forget(self, slot: Slot) -> None:
        labels = f"{CANARY_LABEL}={slot.name[:63].rstrip('-.')}"
        for each in (await self._api.list(API_VERSION, KIND, slot.namespace, labels=labels)).items:
            await self._api.delete(ref_of(each))
        canary = Ref(*CANARY, slot.name, slot.namespace)
        status = map_at(await self._api.read(canary) or {}, "status")
        if status:
            nothing: JsonValue = dict.fromkeys(status)
            await self._api.merge(canary, {"status": nothing}, subresource="status")
        await self._api.delete(Ref("v1", "ConfigMap", slot.name + SUFFIX, slot.namespace))


def _scalers(slot: Slot, canary: CanarySnapshot | None) -> Sequence[Ref]:
    scaler = canary.spec.autoscaler_ref if canary is not None else None
    if scaler is None:
        return ()
    own = scaler_ref(scaler, slot.namespace)
    return (own, Ref(own.api_version, own.kind, own.name + PRIMARY, own.namespace))


def _warning(canary: KubeObject, state: KubeState) -> str:
    """Flagger takes what the target holds for promoted; it has no way of being told otherwise."""
    if text_at(canary, "status", "phase") != Phase.FAILED and state.failed_revision is None:
        return ""
    return (
        "if the target still holds the revision that failed, Flagger takes that one for promoted: "
        "the primary keeps what it runs, but the failed revision is not released when it is "
        "applied again, and a lost primary would be made of it. Set the target back to what the "
        "primary runs first, if you can"
    )
