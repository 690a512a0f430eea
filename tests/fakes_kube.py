"""A cluster's objects in memory, behind the contract of `activities.kube.api`.

Small and honest: resourceVersion, generation, uid, 404 and 409, finalizers, owners, watches, and
server-side apply in which a field that we no longer state goes away while others' fields stay.
Lists are replaced whole, except owner references (by uid) and finalizers (as a set).
"""

import asyncio
import copy
import itertools
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping

from pydantic import JsonValue

from activities.kube.api import Change, Listed, Seen
from activities.kube.objects import KubeObject, Ref, at, int_at, maps_at, ref_of, text_at, texts_at
from workflows.errors import Reason, failure

Json = dict[str, JsonValue]
Told = tuple[str, Ref]
"""A verb and the object it is about."""


class InMemoryKube:
    """One cluster. `refuse` lets a test fail a request before anything happens."""

    def __init__(self, *objects: KubeObject, not_installed: frozenset[str] = frozenset()) -> None:
        self._objects: dict[Ref, Json] = {}
        self._applied: dict[Ref, Json] = {}
        self._numbers = itertools.count(1)
        self._watchers: set[asyncio.Queue[Seen]] = set()
        self.not_installed = set(not_installed)
        """Kinds that this cluster lacks."""
        self.requests: list[Told] = []
        self.refuse: Callable[[str, Ref], Exception | None] = lambda verb, ref: None
        for each in objects:
            self.put(each)

    # for tests

    @property
    def counts(self) -> Counter[str]:
        """Requests by `verb Kind`."""
        return Counter(f"{verb} {ref.kind}" for verb, ref in self.requests)

    @property
    def writes(self) -> list[Told]:
        return [told for told in self.requests if told[0] not in ("read", "list", "watch")]

    @property
    def refs(self) -> set[Ref]:
        return set(self._objects)

    def put(self, obj: KubeObject) -> Json:
        """Somebody else writes a whole object, new or not; it keeps its uid and its status."""
        ref, wanted = ref_of(obj), _copied(obj)
        live = self._objects.get(ref)
        if live is not None and "status" in live and "status" not in wanted:
            wanted["status"] = live["status"]
        return self._store(ref, wanted)

    def merge_now(self, ref: Ref, patch: Mapping[str, JsonValue]) -> Json:
        """Somebody else patches an object."""
        return self._store(ref, _merged(self._objects[ref], patch))

    def get(self, ref: Ref) -> Json:
        """An object that must be there."""
        return copy.deepcopy(self._objects[ref])

    def drop(self, ref: Ref) -> None:
        """Somebody else deletes an object."""
        self._remove(ref)

    def of_kind(self, kind: str) -> list[Json]:
        return [self.get(ref) for ref in sorted(self._objects, key=str) if ref.kind == kind]

    # the contract

    async def read(self, ref: Ref) -> KubeObject | None:
        self._ask("read", ref)
        return copy.deepcopy(self._objects.get(ref))

    async def list(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> Listed:
        self._ask("list", Ref(api_version, kind, "", namespace))
        found = [
            copy.deepcopy(self._objects[ref])
            for ref in sorted(self._objects, key=str)
            if _is_meant(self._objects[ref], api_version, kind, namespace, labels)
        ]
        return Listed(found, str(next(self._numbers)))

    async def watch(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> AsyncGenerator[Seen]:
        self._ask("watch", Ref(api_version, kind, "", namespace))
        queue: asyncio.Queue[Seen] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            for obj in list(self._objects.values()):
                if _is_meant(obj, api_version, kind, namespace, labels):
                    yield Seen(Change.ADDED, copy.deepcopy(obj))
            yield Seen(Change.SYNCED, {})
            while True:
                seen = await queue.get()
                if _is_meant(seen.obj, api_version, kind, namespace, labels):
                    yield seen
        finally:
            self._watchers.discard(queue)

    async def create(self, obj: KubeObject) -> KubeObject:
        ref = ref_of(obj)
        self._ask("create", ref)
        if ref in self._objects:
            raise conflict(ref, "is there already")
        return copy.deepcopy(self._store(ref, _copied(obj)))

    async def apply(
        self, obj: KubeObject, *, resource_version: str | None = None, force: bool = True
    ) -> KubeObject:
        ref, wanted = ref_of(obj), _copied(obj)
        self._ask("apply", ref)
        live = self._objects.get(ref)
        if resource_version is not None:
            self._same(ref, resource_version)
        mine = self._applied.get(ref, {})
        result = _applied(_without(live or {}, mine, wanted), wanted)
        stored = self._store(ref, result)
        self._applied[ref] = wanted
        return copy.deepcopy(stored)

    async def replace(self, obj: KubeObject) -> KubeObject:
        ref, wanted = ref_of(obj), _copied(obj)
        self._ask("replace", ref)
        live = self._there(ref)
        self._same(ref, text_at(wanted, "metadata", "resourceVersion"))
        if "status" in live:
            wanted["status"] = live["status"]
        return copy.deepcopy(self._store(ref, wanted))

    async def merge(
        self, ref: Ref, patch: Mapping[str, JsonValue], *, subresource: str = ""
    ) -> KubeObject:
        self._ask(f"merge {subresource}".strip(), ref)
        live = self._there(ref)
        if version := text_at(patch, "metadata", "resourceVersion"):
            self._same(ref, version)
        if subresource == "status":
            patch = {name: each for name, each in patch.items() if name == "status"}
        return copy.deepcopy(self._store(ref, _merged(live, patch)))

    async def delete(self, ref: Ref, *, uid: str | None = None, grace: int | None = None) -> None:
        self._ask("delete", ref)
        live = self._objects.get(ref)
        if live is None:
            return
        if uid is not None and uid != text_at(live, "metadata", "uid"):
            raise conflict(ref, "is another one of that name")
        if at(live, "metadata", "finalizers"):
            stamp: Json = {"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}}
            self._store(ref, _merged(live, stamp))
        else:
            self._remove(ref)

    # inside

    def _ask(self, verb: str, ref: Ref) -> None:
        self.requests.append((verb, ref))
        if ref.kind in self.not_installed:
            message = f"cannot {verb} {ref}: this cluster has no {ref.kind} of {ref.api_version}"
            raise failure(Reason.KIND_NOT_INSTALLED, message, retryable=False)
        if (refusal := self.refuse(verb, ref)) is not None:
            raise refusal

    def _there(self, ref: Ref) -> Json:
        live = self._objects.get(ref)
        if live is None:
            raise conflict(ref, "is gone")
        return live

    def _same(self, ref: Ref, version: str) -> None:
        """An empty version asks that there be none."""
        live = self._objects.get(ref)
        found = text_at(live, "metadata", "resourceVersion") if live is not None else ""
        if found != version:
            raise conflict(ref, f"is at version {found or 'none'}, not {version or 'none'}")

    def _store(self, ref: Ref, wanted: Json) -> Json:
        before = self._objects.get(ref)
        stored = self._completed(ref, before, wanted)
        if before == stored:
            return stored
        stored = _with_meta(stored, resourceVersion=str(next(self._numbers)))
        self._objects[ref] = stored
        if text_at(stored, "metadata", "deletionTimestamp") and not at(
            stored, "metadata", "finalizers"
        ):
            self._remove(ref)
        else:
            self._tell(Change.ADDED if before is None else Change.MODIFIED, stored)
        return stored

    def _completed(self, ref: Ref, before: Json | None, wanted: Json) -> Json:
        """What an API server fills in."""
        if before is None:
            uid = f"uid-{next(self._numbers)}"
            stamp = "2026-01-01T00:00:00Z"
            return _with_meta(wanted, uid=uid, generation=1, creationTimestamp=stamp)
        generation = int_at(before, "metadata", "generation") or 0
        changed = _meaning(before) != _meaning(wanted)
        kept: Json = {
            "uid": at(before, "metadata", "uid"),
            "creationTimestamp": at(before, "metadata", "creationTimestamp"),
            "resourceVersion": at(before, "metadata", "resourceVersion"),
            "generation": generation + 1 if changed else generation,
        }
        return _with_meta(wanted, **kept)

    def _remove(self, ref: Ref) -> None:
        gone = self._objects.pop(ref)
        self._applied.pop(ref, None)
        self._tell(Change.DELETED, gone)
        uid = text_at(gone, "metadata", "uid")
        for other, obj in list(self._objects.items()):
            owners = maps_at(obj, "metadata", "ownerReferences")
            if owners and all(owner.get("uid") == uid for owner in owners):
                self._remove(other)

    def _tell(self, change: Change, obj: Json) -> None:
        for queue in self._watchers:
            queue.put_nowait(Seen(change, copy.deepcopy(obj)))


def conflict(ref: Ref, why: str) -> Exception:
    return failure(Reason.CONFLICT, f"{ref} {why}; read it again", retryable=True)


def unreachable(verb: str, ref: Ref) -> Exception:
    """What `refuse` may answer with."""
    message = f"cannot {verb} {ref}: no answer; it is tried again"
    return failure(Reason.CLUSTER_UNREACHABLE, message, retryable=True)


def forbidden(verb: str, ref: Ref) -> Exception:
    message = f"may not {verb} {ref}; grant it"
    return failure(Reason.CLUSTER_FORBIDDEN, message, retryable=True)


def _copied(obj: KubeObject) -> Json:
    return copy.deepcopy(dict(obj))


def _meaning(obj: Json) -> Json:
    return {name: each for name, each in obj.items() if name not in ("metadata", "status")}


def _with_meta(obj: Json, **fields: JsonValue) -> Json:
    metadata = obj.get("metadata")
    return {**obj, "metadata": {**(metadata if isinstance(metadata, dict) else {}), **fields}}


def _is_meant(
    obj: KubeObject, api_version: str, kind: str, namespace: str | None, labels: str
) -> bool:
    ref = ref_of(obj)
    if (ref.api_version, ref.kind) != (api_version, kind):
        return False
    return namespace in (None, ref.namespace) and _selects(
        labels, texts_at(obj, "metadata", "labels")
    )


def _selects(selector: str, labels: Mapping[str, str]) -> bool:
    """`a=b`, `a!=b`, `a` and `!a`, joined by commas."""
    return all(_meets(part.strip(), labels) for part in selector.split(",") if part.strip())


def _meets(part: str, labels: Mapping[str, str]) -> bool:
    if "!=" in part:
        name, _, value = part.partition("!=")
        return labels.get(name) != value
    if "=" in part:
        name, _, value = part.replace("==", "=").partition("=")
        return labels.get(name) == value
    return part[1:] not in labels if part.startswith("!") else part in labels


def _merged(live: Json, patch: Mapping[str, JsonValue]) -> Json:
    """JSON merge patch."""
    result = copy.deepcopy(live)
    for name, value in patch.items():
        found = result.get(name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = _merged(found if isinstance(found, dict) else {}, value)
        else:
            result[name] = copy.deepcopy(value)
    return result


def _without(live: Json, mine: Json, wanted: Json) -> Json:
    """Without what we stated before and state no more."""
    result: Json = {}
    for name, value in live.items():
        before, now = mine.get(name), wanted.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            kept = _without(value, before, now if isinstance(now, dict) else {})
            if kept or name in wanted:
                result[name] = kept
        elif name not in mine or name in wanted:
            result[name] = copy.deepcopy(value)
    return result


def _applied(live: Json, wanted: Json) -> Json:
    result = dict(live)
    for name, value in wanted.items():
        found = result.get(name)
        if isinstance(value, dict):
            result[name] = _applied(found if isinstance(found, dict) else {}, value)
        elif isinstance(value, list) and isinstance(found, list) and name == "ownerReferences":
            result[name] = _by_uid([*found, *value])
        elif isinstance(value, list) and isinstance(found, list) and name == "finalizers":
            result[name] = [*found, *(each for each in value if each not in found)]
        else:
            result[name] = copy.deepcopy(value)
    return result


def _by_uid(owners: list[JsonValue]) -> list[JsonValue]:
    found = {str(owner.get("uid")): owner for owner in owners if isinstance(owner, dict)}
    return list(found.values())
