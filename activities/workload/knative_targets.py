"""Knative Services through a rollout: Knative runs each revision, Serinus names the primary."""

from activities.kube.objects import KubeObject
from activities.kube.snapshots import snapshot_of
from activities.workload.knative import (
    analysed_name,
    named_last,
    primary_name,
    readiness,
    revision_name,
    with_analysed,
    with_primary,
)
from activities.workload.needs import Work
from activities.workload.parts import Parts
from workflows.errors import Reason, failure
from workflows.model.revision import target_revision


class KnativeTargets:
    """Follows `TargetEngine`.

    Which Knative Revision a revision of ours is, is noted on the target when its canary starts: a
    newer one may have been made by the time of the promotion.
    """

    def __init__(self, parts: Parts) -> None:
        self._api = parts.writes.api
        self._writes = parts.writes
        self._revisions = parts.revisions
        self._waiting = parts.waiting

    async def start(self, work: Work) -> None:
        name = await self._noted(work)
        await self._waiting.until_ready(work, work.target, lambda live: readiness(live, name))

    async def promote(self, work: Work) -> None:
        """The revision that was analysed, not the one that Knative made last."""
        name = analysed_name(await self._target(work), work.revision)
        if not name:
            raise _changed(work)
        await self._writes.patch(work, work.target, lambda _: with_primary(name))
        await self._revisions.mark_promoted(work, work.revision)

    async def stop(self, work: Work) -> None:
        """Knative takes away what has no users."""

    async def rest(self, work: Work) -> None:
        """As `stop`."""

    async def adopt(self, work: Work) -> str:
        live = await self._target(work)
        if primary_name(live):
            return await self._recognised(work, live)
        await self.start(work)
        await self.promote(work)
        return work.revision

    async def withdraw(self, work: Work) -> None:
        """A promotion is one word in an annotation; it was written or it was not."""

    async def restored(self, work: Work) -> None:
        """Knative runs the old revision still."""

    async def release(self, work: Work) -> None:
        """The routes are given back by their router, and with them the annotation."""

    async def _noted(self, work: Work) -> str:
        live = await self._target(work)
        name = analysed_name(live, work.revision)
        if name:
            return name
        if target_revision(live, {}) != work.revision:
            raise _changed(work)
        name = revision_name(live)
        await self._writes.patch(work, work.target, lambda _: with_analysed(work.revision, name))
        return name

    async def _recognised(self, work: Work, live: KubeObject) -> str:
        """What was named the primary before stays it."""
        if primary_name(live) == revision_name(live):
            return work.revision
        as_primary = named_last(live, primary_name(live))
        revision = target_revision(as_primary, {})
        await self._revisions.keep(work, revision, snapshot_of(as_primary, {}))
        return revision

    async def _target(self, work: Work) -> KubeObject:
        live = await self._api.read(work.target)
        if live is None:
            message = f"{work.target}, the targetRef of {work.slot.key}, is not there; create it"
            raise failure(Reason.TARGET_NOT_FOUND, message, retryable=False)
        return live


def _changed(work: Work) -> Exception:
    return failure(
        Reason.TARGET_CHANGED,
        f"{work.target} is not at {work.revision} any more; the newer revision is released next",
        retryable=False,
    )
