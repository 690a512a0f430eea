"""Deployments and DaemonSets through a rollout: the target is the canary, the primary its copy.

Three rules hold on every path: the primary only ever runs what was analysed, the release that
mends a broken primary is not kept waiting by it, and nothing that alone serves users is stopped.
"""

import asyncio

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.kube.objects import KubeObject, at, map_at
from activities.workload.kind import Patch, PodKind, unobserved
from activities.workload.metadata import RESTED
from activities.workload.needs import Work
from activities.workload.parts import Parts
from activities.workload.primary import PrimaryPods, rested
from activities.workload.readiness import needed
from activities.workload.selector import PRIMARY
from activities.workload.tracked import checksums
from workflows.errors import Reason, failure, reason_of
from workflows.model.revision import target_revision

PUT_BACK_WITHIN = 300.0
"""Seconds that a primary may take to be its old self; users still have the canary meanwhile."""


class PodTargets:
    """Follows `TargetEngine`; one for a worker and kind."""

    def __init__(self, kind: PodKind, parts: Parts) -> None:
        self._kind = kind
        self._api = parts.writes.api
        self._writes = parts.writes
        self._primary = PrimaryPods(kind, parts)
        self._revisions = parts.revisions
        self._configs = parts.configs
        self._scalers = parts.scalers
        self._waiting = parts.waiting
        self._drain = parts.settings.drain

    async def start(self, work: Work) -> None:
        await self._primary.rebuild(work)
        await self._hold(work)
        await self._undo_to(work)
        await self._refuse_changed(work)
        await self._wake(work)
        await self._until_ready(work, work.percent)

    async def promote(self, work: Work) -> None:
        target = await self._target(work)
        copies = self._kind.wanted_copies(target)
        await self._scalers.copy(work, floor=copies)
        await self._primary.promote(work, copies)
        await self._until_primary_ready(work, work.percent)
        await self._primary.done(work)

    async def stop(self, work: Work) -> None:
        target = await self._api.read(work.target)
        if target is None:
            return
        await self._primary.rebuild(work)
        # A promotion that was cut off, by termination for example, is taken back here.
        await self._primary.put_back(work)
        if self._kind.available_copies(target) > 0 and (why := await self._not_serving(work)):
            if await self._revision(target) != work.revision:
                # What was pushed since may be the mend; its own run takes it from here.
                activity.logger.warning("canary.left_to_newer", extra={"slot": work.slot.key})
                return
            raise failure(
                Reason.PRIMARY_NOT_READY,
                f"{work.target} is not stopped while {work.beside(PRIMARY)} could not serve its "
                f"users: {why}; it is tried again",
                retryable=True,
            )
        await self.rest(work)

    async def rest(self, work: Work) -> None:
        await self._drained(work)
        await self._scalers.pause(work)
        primary = await self._primary.live(work)

        def resting(live: KubeObject) -> Patch:
            copies = self._kind.wanted_copies(live) or self._copies_of(primary)
            note: Patch = {"metadata": {"annotations": {RESTED: str(copies)}}}
            return {**(self._kind.to_zero(live) or {}), **note}

        await self._writes.patch(work, work.target, resting)
        if primary is not None:
            await self._scalers.let_go(work)

    async def _drained(self, work: Work) -> None:
        target = await self._api.read(work.target)
        if target is not None and self._kind.available_copies(target) > 0:
            await asyncio.sleep(self._drain)

    async def adopt(self, work: Work) -> str:
        await self._primary.make_first(work)
        await self._scalers.copy(work)
        await self._until_primary_ready(work, 100)
        return await self._primary.settle(work)

    async def withdraw(self, work: Work) -> None:
        await self._primary.give_up_first(work)
        await self._primary.put_back(work)

    async def restored(self, work: Work) -> None:
        """After a failed promotion: users return only when the old primary can have them."""
        if work.known.promoted is None:
            return
        percent = work.canary.analysis.primary_ready_threshold
        try:
            await self._until_primary_ready(work, percent, within=PUT_BACK_WITHIN)
        except ApplicationError as error:
            if reason_of(error) is not Reason.PROGRESS_DEADLINE:
                raise
            activity.logger.error("primary.not_restored", extra={"slot": work.slot.key})

    async def release(self, work: Work) -> None:
        if await self._api.read(work.target) is None:
            return
        await self._wake(work)
        await self._until_ready(work, work.canary.analysis.canary_ready_threshold)

    async def _wake(self, work: Work) -> None:
        """Whoever scaled the target already has decided how many copies it has."""
        await self._scalers.resume(work)
        least = await self._scalers.least_copies(work)
        primary = await self._primary.live(work)

        def awake(live: KubeObject) -> Patch | None:
            copies = least or self._copies_of(primary) or rested(live) or 1
            return self._kind.from_zero(live, copies)

        await self._writes.patch(work, work.target, awake)

    def _copies_of(self, primary: KubeObject | None) -> int:
        return 0 if primary is None else self._kind.wanted_copies(primary)

    async def _hold(self, work: Work) -> None:
        """Users leave the primary step by step, and may come back at once."""
        primary = await self._primary.live(work)
        if primary is not None:
            await self._scalers.copy(work, floor=self._kind.wanted_copies(primary))

    async def _undo_to(self, work: Work) -> None:
        """`undo`: the target still holds what is to be undone, so it gets the revision before."""
        known = work.known
        target = await self._target(work)
        if work.revision != known.previous or await self._revision(target) != known.promoted:
            return
        before = (await self._revisions.read(work, work.revision)).target

        def put(live: KubeObject) -> KubeObject:
            template = at(before, "spec", "template")
            return {**live, "spec": {**map_at(live, "spec"), "template": template}}

        await self._writes.replace(work, work.target, put)

    async def _refuse_changed(self, work: Work) -> None:
        found = await self._revision(await self._target(work))
        if found != work.revision:
            raise failure(
                Reason.TARGET_CHANGED,
                f"{work.target} holds {found} by now and not {work.revision}; "
                "the newer revision is released next",
                retryable=False,
            )

    async def _revision(self, target: KubeObject) -> str:
        return target_revision(target, checksums(await self._configs.live(target)))

    async def _target(self, work: Work) -> KubeObject:
        target = await self._api.read(work.target)
        if target is None:
            raise failure(
                Reason.TARGET_NOT_FOUND,
                f"{work.target}, the targetRef of {work.slot.key}, is not there; create it",
                retryable=False,
            )
        return target

    async def _not_serving(self, work: Work) -> str | None:
        """Why the primary could not take all users; None when it can."""
        live = await self._primary.live(work)
        if live is None:
            return "it is not there"
        percent = work.canary.analysis.primary_ready_threshold
        least = needed(self._kind.wanted_copies(live), percent)
        available = self._kind.available_copies(live)
        if available < least:
            return f"{available} of its pods are available, {least} are needed"
        return unobserved(live)

    async def _until_ready(self, work: Work, percent: int) -> None:
        await self._waiting.until_ready(
            work, work.target, lambda live: self._kind.readiness(live, percent)
        )

    async def _until_primary_ready(
        self, work: Work, percent: int, *, within: float | None = None
    ) -> None:
        await self._waiting.until_ready(
            work,
            work.beside(PRIMARY),
            lambda live: self._kind.readiness(live, percent),
            within=within,
        )
