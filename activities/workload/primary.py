"""The primary of a target with pods: made, promoted, put back, rebuilt. Always from a snapshot."""

import uuid
from collections.abc import Callable, Mapping

from pydantic import JsonValue
from temporalio import activity

from activities.kube.objects import OURS, KubeObject, at, map_at, texts_at
from activities.kube.snapshots import Snapshot, snapshot_of
from activities.workload.configs import Copies
from activities.workload.kind import Patch, PodKind, same_pods
from activities.workload.metadata import ADOPTING, RESTED, REVISION, annotations_of
from activities.workload.needs import Work
from activities.workload.parts import Parts
from activities.workload.pods import FLAGGER_ID, Origin, unmarked
from activities.workload.selector import PRIMARY, selector_label
from workflows.errors import Reason, failure
from workflows.model.revision import target_revision

MARK = "mark"
MARK_BEFORE = f"{OURS}/flagger-id-before"
"""With the old mark the old template is the old one to its controller: its pods stay."""


class PrimaryPods:
    """One for a worker and kind."""

    def __init__(self, kind: PodKind, parts: Parts) -> None:
        self._kind = kind
        self._api = parts.writes.api
        self._writes = parts.writes
        self._revisions = parts.revisions
        self._configs = parts.configs
        self._settings = parts.settings

    async def live(self, work: Work) -> KubeObject | None:
        return await self._api.read(work.beside(PRIMARY))

    async def promote(self, work: Work, copies: int) -> None:
        """Have the primary run what was analysed; written once, however often it is called."""
        live = await self.live(work)
        if live is not None and revision_of(live) == work.revision and not is_adopting(live):
            return
        snapshot = await self._revisions.read(work, work.revision)
        names = await self._configs.copy(work, await self._configs.analysed(snapshot))
        scaled = work.canary.autoscaler_ref is not None

        def count(live: KubeObject | None) -> int | None:
            now = 0 if live is None else self._kind.wanted_copies(live)
            return (max(now, copies) if scaled else copies or now) or None

        await self._make(work, work.revision, names, count, _mark_before)

    async def make_first(self, work: Work) -> None:
        """The first primary; a failed one of an earlier attempt is replaced."""
        revision = await self._revisions.vetted(work) or work.revision
        live = await self.live(work)
        if live is not None and (not is_adopting(live) or revision_of(live) == revision):
            return
        snapshot = await self._revisions.read(work, revision)
        if revision == work.revision:
            names = await self._configs.copy(work, await self._configs.analysed(snapshot))
        else:
            names = await self._configs.complete(work, snapshot)
        await self._make(work, revision, names, lambda _: None, lambda _: {ADOPTING: "true"})

    async def settle(self, work: Work) -> str:
        """The first primary has been ready: from now on it is what was promoted last."""
        live = await self.live(work)
        if live is None:
            raise _gone(work)
        revision = revision_of(live) or await self._recognised(work, live)
        mark: Patch = {"metadata": {"annotations": {ADOPTING: None, REVISION: revision}}}
        await self._writes.patch(work, work.beside(PRIMARY), lambda _: mark)
        await self._revisions.mark_promoted(work, revision)
        return revision

    async def rebuild(self, work: Work) -> None:
        """A primary that somebody deleted is made again from the promoted revision."""
        promoted = work.known.promoted
        if promoted is None or await self.live(work) is not None:
            return
        snapshot = await self._revisions.find(work, promoted)
        if snapshot is None:
            activity.logger.warning("primary.not_rebuilt", extra={"slot": work.slot.key})
            return
        names = await self._configs.complete(work, snapshot)
        target = await self._api.read(work.target)
        copies = 0 if target is None else self._kind.wanted_copies(target) or rested(target)
        await self._make(work, promoted, names, lambda _: copies or None, lambda _: {})

    async def put_back(self, work: Work) -> None:
        """Give the primary and its configs the promoted revision again."""
        promoted = work.known.promoted
        if promoted is None or promoted == work.revision:
            return
        failed = await self._revisions.find(work, work.revision)
        if failed is not None:
            await self._configs.put_back(work, failed.target)
        live = await self.live(work)
        if live is None or revision_of(live) != work.revision:
            return
        names = await self._configs.complete(work, await self._revisions.read(work, promoted))
        mark = texts_at(live, "metadata", "annotations").get(MARK_BEFORE, "")
        count = self._kind.wanted_copies(live)
        await self._make(work, promoted, names, lambda _: count, lambda _: {MARK: mark})

    async def give_up_first(self, work: Work) -> None:
        """A first primary that never was ready does not stay."""
        live = await self.live(work)
        if live is not None and is_adopting(live):
            await self._writes.remove(work, live, work.beside(PRIMARY))

    async def done(self, work: Work) -> None:
        """The promotion is over: nothing of the one before is needed."""
        snapshot = await self._revisions.read(work, work.revision)
        await self._configs.forget_before(work, snapshot.target)
        await self._revisions.mark_promoted(work, work.revision)

    async def _make(
        self,
        work: Work,
        revision: str,
        names: Copies,
        copies: Callable[[KubeObject | None], int | None],
        notes: Callable[[KubeObject | None], Mapping[str, str]],
    ) -> None:
        snapshot = await self._revisions.read(work, revision)
        mark = str(uuid.uuid4())

        def wanted(live: KubeObject | None) -> KubeObject:
            noted = notes(live)
            origin = self._origin(snapshot, revision, names, copies(live), noted.get(MARK) or mark)
            return _noted(self._wanted(work, origin), noted)

        await self._writes.ensure(work, work.beside(PRIMARY), wanted)

    def _origin(
        self, snapshot: Snapshot, revision: str, names: Copies, copies: int | None, mark: str
    ) -> Origin:
        return Origin(
            target=snapshot.target,
            revision=revision,
            label=selector_label(snapshot.target, self._settings.selector_labels),
            mark=mark,
            replicas=copies,
            copies=names,
            prefixes=self._settings.label_prefixes,
            selector_keys=self._settings.selector_labels,
        )

    def _wanted(self, work: Work, origin: Origin) -> KubeObject:
        """A snapshot of a primary that was found already made is taken as it is."""
        if origin.name != work.beside(PRIMARY).name:
            return self._kind.primary(origin)
        return _as_it_was(origin)

    async def runs(self, work: Work, snapshot: Snapshot, live: KubeObject) -> bool:
        """Whether a live primary is the copy of this target, its configs too; writes nothing."""
        if not await self._configs.are_copied(work, snapshot):
            return False
        names = await self._configs.complete(work, snapshot)  # all are there: none is made
        wanted = self._wanted(work, self._origin(snapshot, work.revision, names, None, ""))
        target = await self._api.read(work.target)
        # A default that this version does not know was copied too, and is then somebody's.
        return same_pods(_owned_as(wanted, target or {}), live) or same_pods(
            _owned_as(wanted, {}), _owned_as(live, {})
        )

    async def _recognised(self, work: Work, live: KubeObject) -> str:
        """The revision of a primary that Flagger made: the target's, or one of its own.

        One of its own is kept as a snapshot: it is what users have, and nothing else is vetted.
        """
        snapshot = await self._revisions.find(work, work.revision)
        if snapshot is not None and await self.runs(work, snapshot, live):
            return work.revision
        template = unmarked(map_at(live, "spec", "template"))
        revision = target_revision(_with_template(live, template), {})
        await self._revisions.keep(work, revision, snapshot_of(live, {}))
        return revision


def revision_of(live: KubeObject) -> str:
    """What a primary of ours runs; empty for one that Flagger made."""
    return texts_at(live, "metadata", "annotations").get(REVISION, "")


def is_adopting(live: KubeObject) -> bool:
    """Whether it is a first primary that users have never met."""
    return ADOPTING in texts_at(live, "metadata", "annotations")


def rested(target: KubeObject) -> int:
    """How many copies a target had when it went to rest; 0 if nobody noted it."""
    noted = texts_at(target, "metadata", "annotations").get(RESTED, "")
    return int(noted) if noted.isdecimal() else 0


def _mark_before(live: KubeObject | None) -> Mapping[str, str]:
    marks = texts_at(live or {}, "spec", "template", "metadata", "annotations")
    return {MARK_BEFORE: marks[FLAGGER_ID]} if FLAGGER_ID in marks else {}


def _noted(primary: KubeObject, notes: Mapping[str, str]) -> KubeObject:
    metadata = map_at(primary, "metadata")
    annotations = {**texts_at(metadata, "annotations"), **notes}
    annotations.pop(MARK, None)
    return {**primary, "metadata": {**metadata, "annotations": dict(annotations)}}


def _with_template(obj: KubeObject, template: Mapping[str, JsonValue]) -> KubeObject:
    return {**obj, "spec": {**map_at(obj, "spec"), "template": dict(template)}}


def _as_it_was(origin: Origin) -> KubeObject:
    primary = origin.target
    spec = map_at(primary, "spec")
    template = unmarked(map_at(spec, "template"))
    metadata = map_at(template, "metadata")
    marks: dict[str, JsonValue] = {**map_at(metadata, "annotations"), FLAGGER_ID: origin.mark}
    spec["template"] = {**template, "metadata": {**metadata, "annotations": marks}}
    if origin.replicas is not None and "replicas" in spec:
        spec["replicas"] = origin.replicas
    kept: dict[str, JsonValue] = {
        field: at(primary, "metadata", field) for field in ("name", "namespace", "labels")
    }
    kept["annotations"] = {**annotations_of(primary), REVISION: origin.revision}
    head = {field: at(primary, field) for field in ("apiVersion", "kind")}
    return {**head, "metadata": kept, "spec": spec}


def _owned_as(wanted: KubeObject, target: KubeObject) -> KubeObject:
    """What nobody wrote into the target was not written into its primary either."""
    fields = {"managedFields": at(target, "metadata", "managedFields")}
    return {**wanted, "metadata": {**map_at(wanted, "metadata"), **fields}}


def _gone(work: Work) -> Exception:
    message = f"{work.beside(PRIMARY)} was deleted while it was adopted; it is made again"
    return failure(Reason.PRIMARY_NOT_READY, message, retryable=True)
