"""The watches: what Canaries need to be known is watched, and nothing else.

Manifests first, then the kinds of target that Canaries name, then ConfigMaps and Secrets of those
namespaces whose targets use some. What is seen goes into the catalogue, who is concerned into the
queue.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog
from temporalio.exceptions import ApplicationError

from activities.kube.api import Change, KubeApi, Seen
from activities.kube.objects import Ref, ref_of
from worker.controller.catalogue import Catalogue
from worker.controller.queue import SlotQueue
from worker.controller.sources import CANARY, CONFIG_KINDS, MANIFESTS, Source
from workflows.errors import Reason, reason_of
from workflows.model.identity import Slot

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
Pause = Callable[[float], Awaitable[None]]
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Watches:
    """All watches of one controller; `namespaces` empty means all."""

    def __init__(
        self,
        api: KubeApi,
        catalogue: Catalogue,
        queue: SlotQueue,
        namespaces: Sequence[str] = (),
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._api = api
        self._catalogue = catalogue
        self._queue = queue
        self._namespaces = tuple(namespaces) or ("",)
        self._pause = pause
        self._group = asyncio.TaskGroup()
        self._running: dict[Source, asyncio.Task[None]] = {}
        self._synced: set[Source] = set()

    async def run(self) -> None:
        """Watch until cancelled."""
        async with self._group:
            for source in self._manifests():
                self._start(source)

    @property
    def started(self) -> bool:
        """Whether every Canary is known."""
        return all(source in self._synced for source in self._manifests())

    def knows_all_of(self, slot: Slot) -> bool:
        """Whether all that a decision about a slot needs has been told."""
        return self.started and self._wanted(slot) <= self._synced

    def take_in(self, seen: Seen) -> None:
        """What somebody read is as good as what a watch told."""
        self._tell(self._catalogue.see(seen))

    def _manifests(self) -> Iterable[Source]:
        return [Source(*kind, name) for kind in MANIFESTS for name in self._namespaces]

    def _wanted(self, slot: Slot) -> set[Source]:
        return {
            Source(api_version, kind, namespace if self._is_narrow(kind) else "")
            for api_version, kind, namespace in self._catalogue.wants_of(slot)
        }

    def _is_narrow(self, kind: str) -> bool:
        """Configs are never watched where no target uses one."""
        return kind in CONFIG_KINDS or self._namespaces != ("",)

    def _start(self, source: Source) -> None:
        if source not in self._running:
            self._running[source] = self._group.create_task(self._follow(source), name=str(source))

    async def _follow(self, source: Source) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._listen(source)
            except ApplicationError as error:
                _log.warning("watch.refused", source=str(source), why=error.message)
                if reason_of(error) is Reason.KIND_NOT_INSTALLED:
                    self._sync(source, frozenset())
            await self._pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _listen(self, source: Source) -> None:
        listed: set[Ref] | None = set()
        watch = self._api.watch(source.api_version, source.kind, source.namespace or None)
        async for seen in watch:
            if seen.change is Change.SYNCED:
                self._sync(source, frozenset(listed or ()))
                listed = None
                continue
            if listed is not None:
                listed.add(ref_of(seen.obj))
            self._tell(self._catalogue.see(seen))
            if seen.change is Change.DELETED and _kind_of(source) == CANARY:
                self._stop_unwanted()

    def _sync(self, source: Source, listed: frozenset[Ref]) -> None:
        touched = self._catalogue.forget(source, listed)
        self._synced.add(source)
        self._tell(touched)
        self._tell(slot for slot in self._catalogue.slots if source in self._concerns(slot))

    def _concerns(self, slot: Slot) -> set[Source]:
        return {*self._manifests(), *self._wanted(slot)}

    def _tell(self, slots: Iterable[Slot]) -> None:
        if not self.started:
            return
        for slot in slots:
            for source in self._wanted(slot):
                self._start(source)
            self._queue.add(slot)

    def _stop_unwanted(self) -> None:
        wanted = set(self._manifests())
        for slot in self._catalogue.slots:
            wanted |= self._wanted(slot)
        for source in set(self._running) - wanted:
            self._running.pop(source).cancel()
            self._synced.discard(source)
            self._catalogue.forget(source, frozenset())


def _kind_of(source: Source) -> tuple[str, str]:
    return source.api_version, source.kind
