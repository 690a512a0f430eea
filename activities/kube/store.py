"""Keeps the state of each slot in a ConfigMap beside its Canary, changed under a fence.

Used by every activity that writes to a cluster. The API server's resourceVersion is the lock: a
change that came in between is looked at again, so two workers cannot both be the newest.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pydantic import JsonValue, ValidationError
from temporalio.exceptions import ApplicationError

from activities.kube.api import KubeApi
from activities.kube.objects import OURS, KubeObject, Ref, ref_of, text_at
from activities.kube.state import KubeState
from workflows.errors import Reason, failure, reason_of
from workflows.model.identity import Fence, Slot

SUFFIX = "-serinus"
FIELD = "state.json"
LABEL = f"{OURS}/state"
VERSION = "v1"
ATTEMPTS = 5


class Edit:
    """The right to change one slot; lost as soon as anybody else has changed it."""

    def __init__(self, api: KubeApi, slot: Slot, state: KubeState, version: str) -> None:
        self._api = api
        self._slot = slot
        self._version = version
        self.state = state

    async def save(self, state: KubeState) -> None:
        """`Conflict` (retryable) if somebody else saved in between."""
        if state == self.state:
            return
        if state.canary is not None:
            # Without its Canary nothing is kept: nobody would ever take it away.
            self._version = await self._written(state)
        self.state = state

    async def _written(self, state: KubeState) -> str:
        obj = _object(self._slot, state, self._version)
        written = await (self._api.replace(obj) if self._version else self._api.create(obj))
        return text_at(written, "metadata", "resourceVersion")


class KubeStore:
    """Reads and changes the states of a cluster's slots; any number of workers may."""

    def __init__(self, api: KubeApi, cluster: str) -> None:
        self._api = api
        self._cluster = cluster

    async def read(self, slot: Slot) -> KubeState:
        """An empty one where nothing is known."""
        return (await self._read(slot))[0]

    async def slots(self, namespaces: tuple[str, ...] = ()) -> tuple[Slot, ...]:
        """Every slot that has a state."""
        return tuple(slot for slot, _ in await self.states(namespaces))

    async def states(self, namespaces: tuple[str, ...] = ()) -> tuple[tuple[Slot, KubeState], ...]:
        """Every slot with its state; one request a page, however many there are."""
        found: list[tuple[Slot, KubeState]] = []
        for namespace in namespaces or (None,):
            listed = await self._api.list("v1", "ConfigMap", namespace, labels=LABEL)
            found += [(self._slot(each), _state(each)) for each in listed.items]
        return tuple(sorted(found, key=lambda pair: pair[0].key))

    @asynccontextmanager
    async def write(self, slot: Slot, fence: Fence) -> AsyncGenerator[Edit]:
        """Hold the slot for a change; `Fenced` if a newer write came first."""
        yield await self._begin(slot, fence)

    async def refuse_overtaken(self, slot: Slot, fence: Fence) -> None:
        """`Fenced` if a newer write came; asked in waits, which hold nothing."""
        (await self.read(slot)).refuse_older(slot, fence)

    async def _begin(self, slot: Slot, fence: Fence) -> Edit:
        for last in (*(False,) * (ATTEMPTS - 1), True):
            state, version = await self._read(slot)
            state.refuse_older(slot, fence)
            edit = Edit(self._api, slot, state, version)
            try:
                # Kept before anything is done, so that no older write can come in after a crash.
                await edit.save(state.but(fence=fence))
            except ApplicationError as error:
                if last or reason_of(error) is not Reason.CONFLICT:
                    raise
            else:
                return edit
        raise AssertionError(slot)

    async def _read(self, slot: Slot) -> tuple[KubeState, str]:
        found = await self._api.read(_ref(slot))
        if found is None:
            return KubeState(), ""
        return _state(found), text_at(found, "metadata", "resourceVersion")

    def _slot(self, found: KubeObject) -> Slot:
        ref = ref_of(found)
        return Slot(
            cluster=self._cluster,
            namespace=ref.namespace or "default",
            name=ref.name.removesuffix(SUFFIX),
        )


def _ref(slot: Slot) -> Ref:
    return Ref("v1", "ConfigMap", f"{slot.name}{SUFFIX}", slot.namespace)


def _state(found: KubeObject) -> KubeState:
    try:
        return KubeState.model_validate_json(text_at(found, "data", FIELD))
    except ValidationError as error:
        raise failure(
            Reason.INTERNAL,
            f"the state in {ref_of(found)} cannot be read: {error}; repair its {FIELD} by hand, or "
            "delete it to begin anew",
            retryable=True,
        ) from error


def _object(slot: Slot, state: KubeState, version: str) -> KubeObject:
    owner = state.canary.owner.reference() if state.canary is not None else None
    metadata: dict[str, JsonValue] = {
        "name": f"{slot.name}{SUFFIX}",
        "namespace": slot.namespace,
        "labels": {LABEL: VERSION},
        "ownerReferences": [owner] if owner is not None else [],
    }
    if version:
        metadata["resourceVersion"] = version
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {FIELD: state.model_dump_json(by_alias=True)},
    }
