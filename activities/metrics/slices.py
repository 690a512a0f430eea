"""The pods behind a Service, as its EndpointSlices tell them; kept by a watch, never by asking.

Used by `activities.metrics.kube` for the pods of a canary and a primary, and for those of a router.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from activities.kube.api import Change, KubeApi, Seen
from activities.kube.objects import (
    KubeObject,
    Ref,
    int_at,
    list_at,
    map_at,
    maps_at,
    ref_of,
    text_at,
)

logger = logging.getLogger(__name__)

_AGAIN_AFTER = 5.0
"""Seconds after which a refused watch is asked for again: somebody may have granted it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One pod, or whatever else answers at an address."""

    address: str
    ports: tuple[int, ...]
    ready: bool
    pod: Ref | None = None


class Slices:
    """The endpoints of one Service; a task only while watched."""

    def __init__(self, api: KubeApi, namespace: str, service: str) -> None:
        self._api = api
        self._namespace = namespace
        self._service = service
        self._slices: dict[Ref, KubeObject] = {}
        self._synced = False
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None
        self.trouble: str | None = None
        """Why nobody knows the endpoints."""

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[Self]:
        """The watch goes on at least until the end of this block."""
        self._watchers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name=f"watch {self._service}")
        try:
            yield self
        finally:
            self._watchers -= 1
            if self._watchers == 0:
                await self._stop(self._task)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Each pod once, however many slices and address families it is in."""
        found: dict[Ref | str, Endpoint] = {}
        for slice_ in self._slices.values():
            for endpoint in _endpoints(slice_):
                found.setdefault(endpoint.pod or endpoint.address, endpoint)
        return tuple(found.values())

    @property
    def ready(self) -> int | None:
        """None while nobody can say: before the first answer, or where there is no such Service."""
        if not self._synced or not self._slices:
            return None
        return sum(endpoint.ready for endpoint in self.endpoints)

    async def _stop(self, task: asyncio.Task[None]) -> None:
        self._task, self._synced = None, False
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()):
            raise error

    async def _keep(self) -> None:
        while True:
            try:
                await self._watch()
            except ApplicationError as error:
                if error.message != self.trouble:
                    logger.warning("slices.unknown %s: %s", self._service, error.message)
                self._synced, self.trouble = False, error.message
            await asyncio.sleep(_AGAIN_AFTER)

    async def _watch(self) -> None:
        self._slices = {}
        labels = f"kubernetes.io/service-name={self._service}"
        kind = ("discovery.k8s.io/v1", "EndpointSlice", self._namespace)
        async for seen in self._api.watch(*kind, labels=labels):
            self._take(seen)

    def _take(self, seen: Seen) -> None:
        match seen.change:
            case Change.SYNCED:
                self._synced, self.trouble = True, None
            case Change.DELETED:
                self._slices.pop(ref_of(seen.obj), None)
            case Change.ADDED | Change.MODIFIED:
                self._slices[ref_of(seen.obj)] = seen.obj


def _endpoints(slice_: KubeObject) -> Iterator[Endpoint]:
    ports = tuple(_ports(maps_at(slice_, "ports")))
    namespace = text_at(slice_, "metadata", "namespace")
    for each in maps_at(slice_, "endpoints"):
        address = next((one for one in list_at(each, "addresses") if isinstance(one, str)), None)
        if address is None:
            continue
        # The API says: no answer means ready.
        ready = map_at(each, "conditions").get("ready") is not False
        yield Endpoint(address, ports, ready, _pod(each, namespace))


def _ports(ports: Iterable[dict[str, JsonValue]]) -> Iterator[int]:
    for port in ports:
        if (number := int_at(port, "port")) is not None:
            yield number


def _pod(endpoint: KubeObject, namespace: str) -> Ref | None:
    name = text_at(endpoint, "targetRef", "name")
    if text_at(endpoint, "targetRef", "kind") != "Pod" or not name:
        return None
    return Ref("v1", "Pod", name, text_at(endpoint, "targetRef", "namespace") or namespace)
