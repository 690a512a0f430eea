"""Writes that a newer write cannot be undone by: every object we write carries our newest fence.

Used by `activities.routing`, `activities.workload` and the store for whatever they write. The
fence and the object's version are looked at and kept in one request, so there is no moment between.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from activities.kube.api import KubeApi
from activities.kube.objects import (
    FENCE,
    KubeObject,
    Ref,
    contains,
    map_at,
    maps_at,
    ref_of,
    text_at,
    texts_at,
)
from workflows.errors import Reason, failure, reason_of
from workflows.model.identity import Fence

ATTEMPTS = 5
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose the object is: it is deleted with the owner."""

    api_version: str
    kind: str
    name: str
    uid: str

    @classmethod
    def of(cls, obj: KubeObject) -> Self:
        ref = ref_of(obj)
        return cls(ref.api_version, ref.kind, ref.name, text_at(obj, "metadata", "uid"))

    @classmethod
    def canary(cls, name: str, uid: str) -> Self:
        return cls("flagger.app/v1beta1", "Canary", name, uid)

    def reference(self, *, controller: bool = True) -> dict[str, JsonValue]:
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
            "controller": controller,
            "blockOwnerDeletion": controller,
        }


class FencedApply:
    """Server-side apply, merge and delete under a fence; `Fenced` if a newer write came first."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def apply(
        self, obj: KubeObject, fence: Fence, *, owner: Owner | None = None
    ) -> KubeObject:
        """Make these fields so; nothing is sent where this very command has made them so."""
        return await _until_settled(lambda: self._apply(obj, fence, owner))

    async def merge(
        self, ref: Ref, patch: Mapping[str, JsonValue], fence: Fence
    ) -> KubeObject | None:
        """Change some fields of an object that is somebody else's; None if there is none."""
        return await _until_settled(lambda: self._merge(ref, patch, fence))

    async def delete(self, ref: Ref, fence: Fence) -> None:
        """Gone, unless a newer write wants it."""
        await _until_settled(lambda: self._delete(ref, fence))

    async def _apply(self, obj: KubeObject, fence: Fence, owner: Owner | None) -> KubeObject:
        ref = ref_of(obj)
        live = await self._api.read(ref)
        refuse_overtaken(live, ref, fence)
        wanted = _fenced(_owned(obj, live, owner), fence)
        if live is None:
            return await self._api.apply(wanted, resource_version="")
        if contains(dict(live), _but_owners(wanted)) and _is_owned(live, owner):
            return live
        version = text_at(live, "metadata", "resourceVersion")
        return await self._api.apply(wanted, resource_version=version)

    async def _merge(
        self, ref: Ref, patch: Mapping[str, JsonValue], fence: Fence
    ) -> KubeObject | None:
        live = await self._api.read(ref)
        if live is None:
            return None
        refuse_overtaken(live, ref, fence)
        wanted = _fenced(patch, fence)
        if _says(live, wanted):
            return live
        version: JsonValue = text_at(live, "metadata", "resourceVersion")
        metadata = {**map_at(wanted, "metadata"), "resourceVersion": version}
        return await self._api.merge(ref, {**wanted, "metadata": metadata})

    async def _delete(self, ref: Ref, fence: Fence) -> None:
        live = await self._api.read(ref)
        if live is not None:
            refuse_overtaken(live, ref, fence)
            await self._api.delete(ref, uid=text_at(live, "metadata", "uid"))


def fence_of(obj: KubeObject) -> Fence | None:
    """The fence of the newest write to an object; None if it carries none that can be read."""
    generation, _, sequence = texts_at(obj, "metadata", "annotations").get(FENCE, "").partition(".")
    if not (generation.isdecimal() and sequence.isdecimal()):
        return None
    return Fence(run_id="", generation=int(generation), sequence=int(sequence))


def refuse_overtaken(live: KubeObject | None, ref: Ref, fence: Fence) -> None:
    newest = fence_of(live) if live is not None else None
    if newest is not None and fence.older_than(newest):
        raise failure(
            Reason.FENCED,
            f"a newer write to {ref} came first: {_text(newest)} after {_text(fence)}; "
            "nothing was changed",
            retryable=False,
        )


async def _until_settled(write: Callable[[], Awaitable[T]]) -> T:
    """Somebody else's change in between is looked at and written on; not for ever."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await write()
        except ApplicationError as error:
            if reason_of(error) is not Reason.CONFLICT:
                raise
    return await write()


def _text(fence: Fence) -> str:
    return f"{fence.generation}.{fence.sequence}"


def _fenced(obj: Mapping[str, JsonValue], fence: Fence) -> dict[str, JsonValue]:
    metadata = map_at(obj, "metadata")
    annotations = {**map_at(metadata, "annotations"), FENCE: _text(fence)}
    return {**obj, "metadata": {**metadata, "annotations": annotations}}


def _owned(obj: KubeObject, live: KubeObject | None, owner: Owner | None) -> KubeObject:
    """An object has one controller at most; where it is another, ours is an owner like others."""
    if owner is None:
        return obj
    others = maps_at(live, "metadata", "ownerReferences") if live is not None else ()
    taken = any(each.get("controller") and each.get("uid") != owner.uid for each in others)
    reference: JsonValue = owner.reference(controller=not taken)
    return {**obj, "metadata": {**map_at(obj, "metadata"), "ownerReferences": [reference]}}


def _is_owned(live: KubeObject, owner: Owner | None) -> bool:
    owners = maps_at(live, "metadata", "ownerReferences")
    return owner is None or any(each.get("uid") == owner.uid for each in owners)


def _but_owners(obj: dict[str, JsonValue]) -> dict[str, JsonValue]:
    metadata = map_at(obj, "metadata")
    kept = {name: value for name, value in metadata.items() if name != "ownerReferences"}
    return {**obj, "metadata": kept}


def _says(live: KubeObject, patch: Mapping[str, JsonValue]) -> bool:
    """Whether a merge patch would change nothing; null takes a field away."""
    for name, value in patch.items():
        found = live.get(name)
        if isinstance(value, dict):
            if not _says(found if isinstance(found, dict) else {}, value):
                return False
        elif found != value:
            return False
    return True
