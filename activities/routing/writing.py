"""Makes what a router wants so: only what does not stand is written, under the fence.

Used by `activities.routing.kube` for Services and objects of a mesh, and to give them back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from activities.kube.api import KubeApi
from activities.kube.fenced import FencedApply, Owner, fence_of
from activities.kube.objects import FENCE, KubeObject, Ref, ref_of, texts_at
from activities.routing.before import BEFORE
from activities.routing.removals import applied, removals
from activities.routing.router import RouteError, Wanted
from activities.routing.standing import WRITTEN, is_in_our_hands, lost, stamped, stands
from workflows.model.identity import Fence

Json = dict[str, JsonValue]
Found = Mapping[Ref, KubeObject]


@dataclass(frozen=True, slots=True)
class Writer:
    """In whose name is written. `strict`: what an API server drops is an error."""

    fence: Fence
    owner: Owner
    strict: bool


@dataclass(slots=True)
class Written:
    """The objects as they were found or are now."""

    objects: dict[Ref, KubeObject]
    changed: bool = False
    drifted: bool = False
    refs: list[Ref] = field(default_factory=list[Ref])


class ObjectWrites:
    """One for a cluster."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._fenced = FencedApply(api)

    async def make(
        self, wanted: Sequence[Wanted], before: Sequence[Wanted], live: Found, writer: Writer
    ) -> Written:
        """`before` is what was wanted when Serinus wrote last; something else there is drift."""
        last = {ref_of(obj): stamped(obj) for each in before for obj in each.objects}
        written = Written(dict(live))
        for each in wanted:
            for obj in each.objects:
                await self._make(stamped(obj), each, last, writer, written)
            for ref in each.absent:
                if ref in live:
                    await self._fenced.delete(ref, writer.fence)
                    del written.objects[ref]
                    written.changed = True
        return written

    async def give_back(self, wanted: Wanted, live: Found, fence: Fence) -> None:
        """What is put back keeps no word of ours; the memory goes only with what it says."""
        for obj in wanted.objects:
            ref = ref_of(obj)
            if ref in live:
                now = await self._fenced.apply(applied(obj), fence)
                ours: Json = dict.fromkeys((FENCE, WRITTEN, BEFORE))
                rest = _merged(removals(obj, now) or {}, {"metadata": {"annotations": ours}})
                await self._api.merge(ref, rest)
        for ref in wanted.absent:
            await self._fenced.delete(ref, fence)

    async def _make(
        self, obj: Json, wanted: Wanted, last: Found, writer: Writer, written: Written
    ) -> None:
        ref = ref_of(obj)
        found = written.objects.get(ref)
        written.refs.append(ref)
        if stands(obj, found):
            return
        written.changed = True
        written.drifted |= _is_drift(last.get(ref), found, writer.fence)
        if found is not None and (patch := _to_take_away(obj, found)):
            await self._fenced.merge(ref, patch, writer.fence)
        owned = wanted.owned and BEFORE not in texts_at(obj, "metadata", "annotations")
        owner = writer.owner if owned else None
        now = await self._fenced.apply(applied(obj), writer.fence, owner=owner)
        written.objects[ref] = now
        if writer.strict and (path := lost(applied(obj), dict(now))):
            raise RouteError(
                f"{ref}: the API server did not keep {path}; its definition of {ref.kind} lacks "
                "the field: install a newer one, or leave out what needs it"
            )


def _is_drift(last: KubeObject | None, found: KubeObject | None, fence: Fence) -> bool:
    """What this run wrote is not there any more; an earlier run may have wanted another thing."""
    if last is None or stands(last, found):
        return False
    stamp = fence_of(found) if found is not None else None
    return stamp is None or stamp.generation == fence.generation


def _to_take_away(obj: KubeObject, found: KubeObject) -> Json:
    """What others wrote; without our own mark nothing keeps the object from being written."""
    surplus = removals(obj, found) or {}
    if is_in_our_hands(obj, found):
        return surplus
    return _merged(surplus, {"metadata": {"annotations": {WRITTEN: None}}})


def _merged(patch: Mapping[str, JsonValue], other: Mapping[str, JsonValue]) -> Json:
    merged = dict(patch)
    for name, value in other.items():
        inner = merged.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            merged[name] = _merged(inner, value)
        else:
            merged[name] = value
    return merged
