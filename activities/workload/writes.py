"""Every write of a workload: read, refuse if a newer write came first, write, on conflict again.

Objects of ours are replaced whole, so that nothing stays in them that was not analysed (a field
that Flagger or a person wrote would survive server-side apply); targets are patched, because they
are the user's.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from activities.kube.api import KubeApi
from activities.kube.fenced import Owner, refuse_overtaken
from activities.kube.objects import FENCE, KubeObject, Ref, map_at, maps_at, text_at, texts_at
from activities.workload.kind import Patch
from activities.workload.needs import Work
from workflows.errors import Reason, reason_of
from workflows.model.identity import Fence

T = TypeVar("T")
ATTEMPTS = 20
_KEPT = ("deployment.kubernetes.io/", "deprecated.daemonset.template.generation")


class FencedWrites:
    """One for a worker."""

    def __init__(self, api: KubeApi) -> None:
        self.api = api

    async def ensure(
        self, work: Work, ref: Ref, wanted: Callable[[KubeObject | None], KubeObject]
    ) -> KubeObject:
        """Make the object so, whole; `wanted` is asked again after each change by others."""

        async def once() -> KubeObject:
            live = await self.api.read(ref)
            refuse_overtaken(live, ref, work.fence)
            whole = _whole(wanted(live), live, work)
            return await (self.api.create(whole) if live is None else self.api.replace(whole))

        return await _unconflicted(once)

    async def patch(
        self, work: Work, ref: Ref, change: Callable[[KubeObject], Patch | None]
    ) -> KubeObject | None:
        """Change what is there; None if it is not. Without a change only the fence is kept."""

        async def once() -> KubeObject | None:
            live = await self.api.read(ref)
            if live is None:
                return None
            refuse_overtaken(live, ref, work.fence)
            return await self.api.merge(ref, _stamped(change(live) or {}, live, work.fence))

        return await _unconflicted(once)

    async def replace(
        self, work: Work, ref: Ref, change: Callable[[KubeObject], KubeObject]
    ) -> KubeObject | None:
        """Change an object of the user's where a patch could not take fields away."""

        async def once() -> KubeObject | None:
            live = await self.api.read(ref)
            if live is None:
                return None
            refuse_overtaken(live, ref, work.fence)
            changed = change(live)
            notes: dict[str, JsonValue] = {
                **texts_at(changed, "metadata", "annotations"),
                FENCE: stamp(work.fence),
            }
            metadata: JsonValue = {**map_at(changed, "metadata"), "annotations": notes}
            return await self.api.replace({**changed, "metadata": metadata})

        return await _unconflicted(once)

    async def remove(self, work: Work, live: KubeObject, ref: Ref) -> None:
        refuse_overtaken(live, ref, work.fence)
        await self.api.delete(ref, uid=text_at(live, "metadata", "uid") or None)


def stamp(fence: Fence) -> str:
    return f"{fence.generation}.{fence.sequence}"


async def _unconflicted(once: Callable[[], Awaitable[T]]) -> T:
    for _ in range(ATTEMPTS - 1):
        try:
            return await once()
        except ApplicationError as error:
            if reason_of(error) is not Reason.CONFLICT:
                raise
    return await once()


def _stamped(patch: Patch, live: KubeObject, fence: Fence) -> Patch:
    metadata = map_at(patch, "metadata")
    notes: dict[str, JsonValue] = {**map_at(metadata, "annotations"), FENCE: stamp(fence)}
    version = text_at(live, "metadata", "resourceVersion")
    return {**patch, "metadata": {**metadata, "annotations": notes, "resourceVersion": version}}


def _whole(wanted: KubeObject, live: KubeObject | None, work: Work) -> KubeObject:
    """What is wanted, with what a cluster keeps in the metadata of a live object."""
    metadata = {**map_at(live or {}, "metadata"), **map_at(wanted, "metadata")}
    kept = texts_at(live or {}, "metadata", "annotations")
    metadata["annotations"] = {
        **{key: value for key, value in kept.items() if key.startswith(_KEPT)},
        **texts_at(wanted, "metadata", "annotations"),
        FENCE: stamp(work.fence),
    }
    metadata["ownerReferences"] = list(_owners(live, work.owner))
    metadata.pop("managedFields", None)
    return {**wanted, "metadata": metadata}


def _owners(live: KubeObject | None, owner: Owner | None) -> list[dict[str, JsonValue]]:
    """Ours is the controller, unless somebody else is."""
    found = list(maps_at(live or {}, "metadata", "ownerReferences"))
    if owner is None or any(each.get("uid") == owner.uid for each in found):
        return found
    foreign = any(each.get("controller") is True for each in found)
    return [*found, owner.reference(controller=not foreign)]
