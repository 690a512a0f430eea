"""What the gateway reads of a cluster: Canaries and Triggers, by its own least rights."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import ValidationError
from temporalio.exceptions import ApplicationError

from activities.kube.api import KubeApi
from activities.kube.connect import open_cluster
from activities.kube.objects import KubeObject, Ref, text_at, texts_at
from worker.controller.settings import load_cluster
from worker.gateway.resources import CanaryRow, Resources
from worker.settings import Settings
from workflows.errors import ManifestError, Reason, reason_of
from workflows.model.canary import Canary
from workflows.model.identity import Slot
from workflows.model.manifest import Manifest, parse
from workflows.model.trigger import Trigger

FLAGGER = "flagger.app/v1beta1"
SERINUS = "serinus.dev/v1alpha1"
M = TypeVar("M", bound=Manifest)
log = logging.getLogger(__name__)


class KubeResources:
    """Those of the namespaces that Serinus serves; none named means all."""

    def __init__(self, api: KubeApi, cluster: str, namespaces: Sequence[str] = ()) -> None:
        self.api = api
        self._cluster = cluster
        self._namespaces: Sequence[str | None] = namespaces or (None,)

    async def canaries(self) -> tuple[CanaryRow, ...]:
        """Every Canary, right or wrong: a wrong one must be seen most of all."""
        rows = [self._row(each) for each in await self._all(FLAGGER, "Canary")]
        return tuple(sorted(rows, key=lambda row: row.slot.key))

    async def manifests(self, slot: Slot) -> tuple[Manifest, ...]:
        """The Canary; its target is no manifest of ours."""
        found = await self.api.read(Ref(FLAGGER, "Canary", slot.name, slot.namespace))
        return _right(Canary, () if found is None else (found,))

    async def triggers(self) -> tuple[Trigger, ...]:
        """Those that can be read; a wrong one starts nothing, and the log says why."""
        return _right(Trigger, await self._all(SERINUS, "Trigger"))

    async def _all(self, api_version: str, kind: str) -> list[KubeObject]:
        lists = (self.api.list(api_version, kind, namespace) for namespace in self._namespaces)
        try:
            return [obj for listed in await asyncio.gather(*lists) for obj in listed.items]
        except ApplicationError as error:
            if reason_of(error) is Reason.KIND_NOT_INSTALLED:
                return []
            raise

    def _row(self, obj: KubeObject) -> CanaryRow:
        namespace, name = text_at(obj, "metadata", "namespace"), text_at(obj, "metadata", "name")
        slot = Slot(cluster=self._cluster, namespace=namespace, name=name)
        return CanaryRow(slot=slot, labels=dict(texts_at(obj, "metadata", "labels")))


def _right(kind: type[M], objects: Iterable[KubeObject]) -> tuple[M, ...]:
    found: list[M] = []
    for obj in objects:
        try:
            manifest = parse(obj)
        except (ManifestError, ValidationError) as error:
            name = f"{text_at(obj, 'metadata', 'namespace')}/{text_at(obj, 'metadata', 'name')}"
            log.warning("%s %s is passed over: %s", kind.__name__, name, error)
            continue
        if isinstance(manifest, kind):
            found.append(manifest)
    return tuple(found)


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncGenerator[Resources | None]:
    """Those of the cluster that is set; None on the local platform."""
    if settings.platform == "local":
        yield None
        return
    known = load_cluster()
    async with open_cluster(known.kubeconfig, known.context or None) as api:
        yield KubeResources(api, settings.cluster, known.namespaces)
