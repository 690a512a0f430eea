"""A watch that goes on for ever, over whatever an API server and a network do to it.

Used through `KubeApi.watch`. The server ends each request after some minutes, which costs one new
one. When the point in time to go on from has expired (410), or nothing is known of it, all is
listed again and the difference to what had been told is told as changes, deletions among them.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from random import SystemRandom
from typing import Protocol

from temporalio.exceptions import ApplicationError

from activities.kube.api import Change, Listed, Seen
from activities.kube.objects import KubeObject, at, int_at, map_at, text_at
from workflows.errors import Reason, failure, reason_of

ERROR = "ERROR"
GONE = 410
EXPIRED = "Expired"
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
LONG_ENOUGH = 5.0
"""Seconds of a request that ended well; what ends sooner is asked for again ever more slowly."""
_CHANGES = frozenset({Change.ADDED, Change.MODIFIED, Change.DELETED})
_FOR_LATER = (Reason.CLUSTER_UNREACHABLE, Reason.CONFLICT)

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is listed or watched."""

    api_version: str
    kind: str
    namespace: str | None = None
    labels: str = ""

    def __str__(self) -> str:
        where = self.namespace or "all namespaces"
        return f"{self.kind} of {where}" + (f" with {self.labels}" if self.labels else "")


@dataclass(frozen=True, slots=True)
class Watched:
    """One event of one watch request, as the server has it."""

    type: str
    obj: KubeObject


class WatchSource(Protocol):
    """What a watch is made of."""

    async def list(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> Listed: ...

    def events(self, scope: Scope, resource_version: str) -> AsyncGenerator[Watched]:
        """Until the server or the network ends the request."""
        ...


class Backoff:
    """Pauses that grow and differ, so that a thousand watches do not come back at once."""

    def __init__(self, pause: Pause) -> None:
        self._pause = pause
        self._next = FIRST_PAUSE
        self._random = SystemRandom()

    async def wait(self) -> None:
        await self._pause(self._next * self._random.uniform(0.5, 1.0))
        self._next = min(self._next * 2, LONGEST_PAUSE)

    def reset(self) -> None:
        self._next = FIRST_PAUSE


class _Told:
    """What the caller knows: enough of each object to tell a difference and to name a deletion."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], KubeObject] = {}

    def differences(self, found: Listed) -> Iterator[Seen]:
        gone = dict(self._objects)
        for obj in found.items:
            before = gone.pop(_key(obj), None)
            if before is not None and _uid(before) != _uid(obj):
                yield self.note(Seen(Change.DELETED, before))
                before = None
            if before is None:
                yield self.note(Seen(Change.ADDED, obj))
            elif _version(before) != _version(obj):
                yield self.note(Seen(Change.MODIFIED, obj))
        for obj in gone.values():
            yield self.note(Seen(Change.DELETED, obj))

    def note(self, seen: Seen) -> Seen:
        key = _key(seen.obj)
        if seen.change is Change.DELETED:
            self._objects.pop(key, None)
        else:
            self._objects[key] = _outline(seen.obj)
        return seen


async def watched(
    source: WatchSource, scope: Scope, pause: Pause = asyncio.sleep
) -> AsyncGenerator[Seen]:
    """Everything there is, `SYNCED`, then every change.

    A kind that is not installed or not allowed is an error until the first list has come; later
    it may only be so for a moment, and is waited out.
    """
    watching, backoff = _Watching(source, scope), Backoff(pause)
    while True:
        began = _now()
        try:
            async with aclosing(watching.once()) as changes:
                async for seen in changes:
                    yield seen
        except ApplicationError as error:
            if not watching.synced and reason_of(error) not in _FOR_LATER:
                raise
        if _now() - began > LONG_ENOUGH:
            backoff.reset()
        await backoff.wait()


class _Watching:
    """Where a watch is: what was told, and the point in time to go on from; "" is the beginning."""

    def __init__(self, source: WatchSource, scope: Scope) -> None:
        self._source = source
        self._scope = scope
        self._told = _Told()
        self._version = ""
        self.synced = False

    async def once(self) -> AsyncGenerator[Seen]:
        """A list if there must be one, and one watch request to its end."""
        if not self._version:
            for seen in self._told.differences(found := await self._listed()):
                yield seen
            self._version = found.resource_version
        if not self.synced:
            self.synced = True
            yield Seen(Change.SYNCED, {})
        async with aclosing(self._source.events(self._scope, self._version)) as events:
            async for event in events:
                if _is_expired(event):
                    self._version = ""
                    return
                self._version = _version_after(event)
                if event.type in _CHANGES:
                    yield self._told.note(Seen(Change(event.type), event.obj))

    async def _listed(self) -> Listed:
        scope = self._scope
        return await self._source.list(
            scope.api_version, scope.kind, scope.namespace, labels=scope.labels
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _is_expired(event: Watched) -> bool:
    """The server does not know that point in time any more."""
    obj = event.obj
    return event.type == ERROR and (
        int_at(obj, "code") == GONE or text_at(obj, "reason") == EXPIRED
    )


def _version_after(event: Watched) -> str:
    if event.type != ERROR:
        return _version(event.obj)
    words = text_at(event.obj, "message") or "an error without words"
    raise failure(
        Reason.CLUSTER_UNREACHABLE, f"a watch was ended: {words}; it is tried again", retryable=True
    )


def _outline(obj: KubeObject) -> KubeObject:
    metadata = map_at(obj, "metadata")
    kept = ("name", "namespace", "uid", "resourceVersion", "labels", "ownerReferences")
    return {
        "apiVersion": at(obj, "apiVersion"),
        "kind": at(obj, "kind"),
        "metadata": {name: metadata[name] for name in kept if name in metadata},
    }


def _key(obj: KubeObject) -> tuple[str, str]:
    return text_at(obj, "metadata", "namespace"), text_at(obj, "metadata", "name")


def _uid(obj: KubeObject) -> str:
    return text_at(obj, "metadata", "uid")


def _version(obj: KubeObject) -> str:
    return text_at(obj, "metadata", "resourceVersion")
