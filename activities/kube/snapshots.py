"""What was analysed, kept as ControllerRevisions: promotion and undo run these.

Never the target of the moment. Written by `activities.kube.planning`, read by
`activities.workload`. The API server lets nobody change one, and it goes with its Canary.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from activities.kube.api import KubeApi
from activities.kube.fenced import Owner
from activities.kube.objects import (
    OURS,
    KubeObject,
    Ref,
    int_at,
    list_at,
    map_at,
    ref_of,
    text_at,
    texts_at,
)
from workflows.errors import Reason, failure
from workflows.model.identity import Slot

API_VERSION = "apps/v1"
KIND = "ControllerRevision"
CANARY_LABEL = f"{OURS}/canary"
REVISION_LABEL = f"{OURS}/revision"
PROMOTED = f"{OURS}/promoted-at"
"""Annotation of a revision that the primary has run: when it took over, in milliseconds."""
KEPT = 10
_FORGOTTEN = frozenset(
    {
        "managedFields",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "ownerReferences",
        "finalizers",
        "selfLink",
    }
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A target as it was, without status and bookkeeping, and the checksums of its configs."""

    target: KubeObject
    configs: Mapping[str, str] = field(default_factory=dict[str, str])


class Snapshots:
    """The kept revisions of a cluster's targets."""

    def __init__(self, api: KubeApi, clock: Callable[[], float] = time.time) -> None:
        self._api = api
        self._clock = clock

    async def keep(self, slot: Slot, revision: str, snapshot: Snapshot, owner: Owner) -> None:
        """The newest of that revision holds, whatever else of the target has changed."""
        wanted = _object(slot, revision, snapshot, owner, self._now())
        live = await self._api.read(ref_of(wanted))
        if live is not None and _holds(live, wanted):
            await self._api.merge(ref_of(live), {"revision": self._now()})
            return
        if live is not None:
            await self._api.delete(ref_of(live), uid=text_at(live, "metadata", "uid"))
            wanted = _marked_as(live, wanted)
        # Applied, not created: the server then writes the data in its own way, and takes a later
        # change of a label for what it is; other bytes of the same data are "immutable" to it.
        await self._api.apply(wanted)

    async def read(self, slot: Slot, revision: str) -> Snapshot:
        """`TargetNotFound` if it is not kept."""
        found = await self.find(slot, revision)
        if found is None:
            message = f"revision {revision} of {slot.key} is not kept any more; apply it again"
            raise failure(Reason.TARGET_NOT_FOUND, message, retryable=False)
        return found

    async def find(self, slot: Slot, revision: str) -> Snapshot | None:
        """The snapshot, if there is one."""
        for live in await self._all(slot, f",{REVISION_LABEL}={revision}"):
            return Snapshot(target=map_at(live, "data", "target"),
                            configs=texts_at(live, "data", "configs"))  # fmt: skip
        return None

    async def mark_promoted(self, slot: Slot, revision: str) -> None:
        """The primary runs it; kept here too, so that it is known when the store is lost."""
        for live in await self._all(slot, f",{REVISION_LABEL}={revision}"):
            mark: KubeObject = {"metadata": {"annotations": {PROMOTED: str(self._now())}}}
            await self._api.merge(ref_of(live), mark)

    async def last_promoted(self, slot: Slot) -> str | None:
        """The revision that the primary ran last, by its mark."""
        marked = [live for live in await self._all(slot) if _promoted_at(live)]
        newest = max(marked, key=lambda live: int(_promoted_at(live)), default=None)
        return None if newest is None else _revision(newest)

    async def prune(self, slot: Slot, needed: frozenset[str]) -> None:
        """Forget all but the newest and those needed."""
        found = await self._all(slot)
        newest_first = sorted(found, key=lambda obj: int_at(obj, "revision") or 0, reverse=True)
        for old in newest_first[KEPT:]:
            if _revision(old) not in needed:
                await self._api.delete(ref_of(old), uid=text_at(old, "metadata", "uid"))

    async def _all(self, slot: Slot, more: str = "") -> Sequence[KubeObject]:
        labels = f"{CANARY_LABEL}={_label(slot)}{more}"
        return (await self._api.list(API_VERSION, KIND, slot.namespace, labels=labels)).items

    def _now(self) -> int:
        return int(self._clock() * 1000)


def snapshot_of(target: KubeObject, configs: Mapping[str, str]) -> Snapshot:
    """What a target says now, and no more than its user wrote into it."""
    metadata = map_at(target, "metadata")
    kept = {name: value for name, value in metadata.items() if name not in _FORGOTTEN}
    shown = {name: value for name, value in target.items() if name not in ("metadata", "status")}
    return Snapshot(target={**shown, "metadata": kept}, configs=configs)


def _object(slot: Slot, revision: str, snapshot: Snapshot, owner: Owner, order: int) -> KubeObject:
    target = text_at(snapshot.target, "metadata", "name")
    ref = Ref(API_VERSION, KIND, f"{target}-{revision}", slot.namespace)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": ref.name,
            "namespace": slot.namespace,
            "labels": {CANARY_LABEL: _label(slot), REVISION_LABEL: revision},
            "ownerReferences": [owner.reference()],
        },
        "revision": order,
        "data": {"target": dict(snapshot.target), "configs": dict(snapshot.configs)},
    }


def _marked_as(live: KubeObject, wanted: KubeObject) -> KubeObject:
    """That the primary runs it is not forgotten."""
    annotations: JsonValue = {**texts_at(live, "metadata", "annotations")}
    return {**wanted, "metadata": {**map_at(wanted, "metadata"), "annotations": annotations}}


def _holds(live: KubeObject, wanted: KubeObject) -> bool:
    owners = [list_at(each, "metadata", "ownerReferences") for each in (live, wanted)]
    return map_at(live, "data") == map_at(wanted, "data") and owners[0] == owners[1]


def _revision(live: KubeObject) -> str:
    return texts_at(live, "metadata", "labels").get(REVISION_LABEL, "")


def _promoted_at(live: KubeObject) -> str:
    at = texts_at(live, "metadata", "annotations").get(PROMOTED, "")
    return at if at.isdecimal() else ""


def _label(slot: Slot) -> str:
    """A label takes 63 letters, and must not end in a sign."""
    return slot.name[:63].rstrip("-.")
