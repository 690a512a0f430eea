"""What the gateway reads of targets and manifests, wherever they are kept.

The local platform keeps them in its home, a cluster behind its API. Asked by the API, the page and
the receivers.
"""

import asyncio
from typing import Protocol

from activities.local.manifests import ManifestFolder
from workflows.model.canary import Canary
from workflows.model.identity import Slot
from workflows.model.manifest import Manifest
from workflows.model.process import Process
from workflows.model.resource import Labels
from workflows.model.trigger import Trigger
from workflows.model.value import Record


class CanaryRow(Record):
    """One target that is released, whether a rollout of it ever ran or not."""

    slot: Slot
    kind: str = "Canary"
    labels: Labels = {}


class Resources(Protocol):
    """Reading only."""

    async def canaries(self) -> tuple[CanaryRow, ...]:
        """Every target, in the order of namespace and name."""
        ...

    async def manifests(self, slot: Slot) -> tuple[Manifest, ...]:
        """The Canary of a slot if it has one, then its target; empty without either."""
        ...

    async def triggers(self) -> tuple[Trigger, ...]:
        """Every Trigger of every namespace."""
        ...


class LocalResources:
    """Those of a home."""

    def __init__(self, folder: ManifestFolder, cluster: str) -> None:
        self._folder = folder
        self._cluster = cluster

    async def canaries(self) -> tuple[CanaryRow, ...]:
        """Every Canary, and every Process that none releases."""
        return await asyncio.to_thread(self._canaries)

    async def manifests(self, slot: Slot) -> tuple[Manifest, ...]:
        """The Canary and its Process, or the Process alone."""
        return await asyncio.to_thread(self._manifests, slot)

    async def triggers(self) -> tuple[Trigger, ...]:
        """What `serinus apply` kept."""
        return await asyncio.to_thread(self._folder.list, Trigger)

    def _canaries(self) -> tuple[CanaryRow, ...]:
        canaries = self._folder.list(Canary)
        released = {(each.metadata.namespace, each.spec.target_ref.name) for each in canaries}
        alone = [
            each
            for each in self._folder.list(Process)
            if (each.metadata.namespace, each.metadata.name) not in released
        ]
        rows = [*map(self._row, canaries), *map(self._row, alone)]
        return tuple(sorted(rows, key=lambda row: row.slot.key))

    def _row(self, manifest: Canary | Process) -> CanaryRow:
        about = manifest.metadata
        slot = Slot(cluster=self._cluster, namespace=about.namespace, name=about.name)
        return CanaryRow(slot=slot, kind=manifest.kind, labels=about.labels)

    def _manifests(self, slot: Slot) -> tuple[Manifest, ...]:
        canary = self._folder.get(Canary, slot.namespace, slot.name)
        name = slot.name if canary is None else canary.spec.target_ref.name
        process = self._folder.get(Process, slot.namespace, name)
        return tuple(each for each in (canary, process) if each is not None)
