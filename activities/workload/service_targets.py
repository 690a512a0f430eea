"""Core Services through a rollout: no pods to scale, only clones that say where requests go."""

from activities.kube.objects import KubeObject, at, map_at, texts_at
from activities.kube.snapshots import snapshot_of
from activities.workload.core_service import CANARY, clone_of
from activities.workload.metadata import REVISION
from activities.workload.needs import Work
from activities.workload.parts import Parts
from activities.workload.selector import PRIMARY
from workflows.model.revision import target_revision


class ServiceTargets:
    """Follows `TargetEngine`; a Service is ready as soon as it is written."""

    def __init__(self, parts: Parts) -> None:
        self._api = parts.writes.api
        self._writes = parts.writes
        self._revisions = parts.revisions
        self._settings = parts.settings

    async def start(self, work: Work) -> None:
        await self._rebuild(work)
        await self._clone(work, CANARY, work.revision)

    async def promote(self, work: Work) -> None:
        await self._clone(work, PRIMARY, work.revision)
        await self._revisions.mark_promoted(work, work.revision)

    async def stop(self, work: Work) -> None:
        await self._rebuild(work)

    async def rest(self, work: Work) -> None:
        """A Service has nothing that rests."""

    async def adopt(self, work: Work) -> str:
        live = await self._api.read(work.beside(PRIMARY))
        if live is None:
            revision = await self._revisions.vetted(work) or work.revision
            await self._clone(work, PRIMARY, revision)
        else:
            revision = await self._recognised(work, live)
        await self._clone(work, CANARY, work.revision)
        await self._revisions.mark_promoted(work, revision)
        return revision

    async def withdraw(self, work: Work) -> None:
        if work.known.promoted is not None:
            await self._clone(work, PRIMARY, work.known.promoted)

    async def restored(self, work: Work) -> None:
        """It serves as soon as it is written."""

    async def release(self, work: Work) -> None:
        """The target was never changed."""

    async def _rebuild(self, work: Work) -> None:
        promoted = work.known.promoted
        if promoted is not None and await self._api.read(work.beside(PRIMARY)) is None:
            await self._clone(work, PRIMARY, promoted)

    async def _clone(self, work: Work, suffix: str, revision: str) -> None:
        snapshot = await self._revisions.read(work, revision)
        source = _as_target(snapshot.target, work.target.name)
        prefixes = self._settings.label_prefixes
        await self._writes.ensure(
            work,
            work.beside(suffix),
            lambda live: clone_of(source, suffix, revision, live, prefixes),
        )

    async def _recognised(self, work: Work, live: KubeObject) -> str:
        """What a primary that was found already made does; nothing else is vetted."""
        noted = texts_at(live, "metadata", "annotations").get(REVISION)
        if noted:
            return noted
        snapshot = await self._revisions.find(work, work.revision)
        if snapshot is not None and is_clone(snapshot.target, live):
            return work.revision
        revision = target_revision(_bare(live), {})
        await self._revisions.keep(work, revision, snapshot_of(live, {}))
        return revision


def is_clone(target: KubeObject, live: KubeObject) -> bool:
    """Whether a live primary sends requests where the target does."""
    wanted = clone_of(target, PRIMARY, "", live)
    return target_revision(_bare(wanted), {}) == target_revision(_bare(live), {})


def _as_target(snapshot: KubeObject, name: str) -> KubeObject:
    return {**snapshot, "metadata": {**map_at(snapshot, "metadata"), "name": name}}


def _bare(service: KubeObject) -> KubeObject:
    return {"apiVersion": "v1", "kind": "Service", "spec": at(service, "spec")}
