"""`Workload` on Kubernetes: activities over the objects of a target.

Each heartbeats while it waits and hands over at once when its worker stops. What they do to which
kind of target stands in `registry`.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Never, TypeVar

from pydantic import ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.attending import attended
from activities.kube.api import KubeApi
from activities.kube.snapshots import Snapshots
from activities.kube.store import KubeStore
from activities.workload.keeping import KeptRoutes
from activities.workload.needs import (
    EnsuredRoutes,
    Known,
    TargetEngine,
    UndoneRoutes,
    Work,
    WorkloadSettings,
)
from activities.workload.parts import Parts
from activities.workload.registry import ENGINES
from activities.workload.revisions import Revisions
from activities.workload.scaling import Scalers
from activities.workload.tracked import TrackedConfigs
from activities.workload.waiting import Waiting
from activities.workload.writes import FencedWrites
from workflows.contracts import Workload
from workflows.errors import Reason, failure, reason_of
from workflows.model.identity import Slot
from workflows.model.plan import ALL_PRIMARY
from workflows.model.requests import (
    AdoptTarget,
    PromoteTarget,
    ReleaseTarget,
    SlotWrite,
    StartCanary,
    StopCanary,
)
from workflows.model.value import Record

_KEPT = frozenset({Reason.FENCED, Reason.WORKER_SHUTDOWN})
"""Whoever came first, or the next worker, goes on from what is there."""


T = TypeVar("T")
Doing = Coroutine[object, object, T]
DEFAULTS = WorkloadSettings()
UNCLAIMED = 10.0
"""Seconds between two looks at the routes of a slot that no run holds; its writes are refused."""


class Begun(Record):
    """What the next attempt must know: since when the deadline counts."""

    at: float


class KubeWorkload(Workload):
    """Called by the rollout, one activity a step.

    `routes` is `routing.ensure` of the same cluster, `undone` gives the apex back to the target.
    """

    def __init__(
        self,
        parts: Parts,
        store: KubeStore,
        routes: EnsuredRoutes,
        undone: UndoneRoutes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._routes = KeptRoutes(store, routes)
        self._undone = undone
        self._clock = clock
        self._engines = {key: engine(parts) for key, engine in ENGINES.items()}

    @activity.defn(name="workload.start_canary")
    async def start_canary(self, request: StartCanary) -> None:
        """`ProgressDeadlineExceeded` when it is not ready in time."""
        work = await self._work(request, "start", request.deadline, request.ready_percent)
        await self._attended(work, self._engine(work).start(work), self._routes.keep(work))

    @activity.defn(name="workload.promote")
    async def promote(self, request: PromoteTarget) -> None:
        """`ProgressDeadlineExceeded` when the new primary is not ready; the old one then stays."""
        work = await self._work(request, "promote", request.deadline, request.ready_percent)
        await self._or_withdraw(work, self._promoted(work), self._routes.keep(work))

    @activity.defn(name="workload.stop_canary")
    async def stop_canary(self, request: StopCanary) -> None:
        """`PrimaryNotReady` (retryable) while the canary is the only serving copy."""
        if await self._is_unknown(request):
            return
        work = await self._work(request, "finish")
        await self._users_to_primary(work)
        await self._attended(work, self._engine(work).stop(work))
        await self._users_to_primary(work)

    @activity.defn(name="workload.adopt")
    async def adopt(self, request: AdoptTarget) -> None:
        """Bootstrap; the target's own copy serves until the primary does."""
        work = await self._work(request, "adopt", request.deadline)
        await self._or_withdraw(work, self._adopted(work, request))

    @activity.defn(name="workload.release")
    async def release(self, request: ReleaseTarget) -> None:
        """The target serves by itself before its routes are given back."""
        if await self._is_unknown(request):
            return
        work = await self._work(request, "release")
        await self._attended(work, self._released(work, request))

    async def _users_to_primary(self, work: Work) -> None:
        """As they are by now, unless somebody edited the routes: nobody else would notice."""
        traffic = (await self._store.read(work.slot)).traffic
        if traffic is not None:
            await self._routes.ensure(work, traffic, ALL_PRIMARY, "finish")

    async def _promoted(self, work: Work) -> None:
        await self._engine(work).promote(work)
        await self._keep_promoted(work, work.revision)

    async def _adopted(self, work: Work, request: AdoptTarget) -> None:
        """The target goes to zero last: when the primary is ready and has the users."""
        engine = self._engine(work)
        revision = await engine.adopt(work)
        await self._routes.ensure(work, request.traffic, ALL_PRIMARY, "adopt")
        await engine.rest(work)
        await self._keep_promoted(work, revision)

    async def _released(self, work: Work, request: ReleaseTarget) -> None:
        await self._engine(work).release(work)
        await self._undone(request)

    async def _or_withdraw(self, work: Work, act: Doing[None], *beside: Doing[Never]) -> None:
        """What did not take over does not stay, unless the next worker goes on with it."""
        engine = self._engine(work)
        try:
            await self._attended(work, act, *beside)
        except asyncio.CancelledError:
            if not activity.is_worker_shutdown():
                await _tried(engine.withdraw(work))
            raise
        except ApplicationError as error:
            if error.non_retryable and reason_of(error) not in _KEPT:
                await self._attended(work, _tried(engine.withdraw(work)))
                await self._attended(work, _tried(engine.restored(work)))
            raise

    async def _attended(self, work: Work, act: Doing[None], *beside: Doing[Never]) -> None:
        await attended(act, Begun(at=work.began), *beside)

    def _engine(self, work: Work) -> TargetEngine:
        target = work.target
        engine = self._engines.get((target.api_version, target.kind))
        if engine is None:
            known = ", ".join(f"{kind} of {version}" for version, kind in ENGINES)
            raise failure(
                Reason.INVALID_MANIFEST,
                f"{target} of {target.api_version} cannot be released; it must be one of {known}",
                retryable=False,
            )
        return engine

    async def _work(
        self, request: SlotWrite, step: str, deadline: float = 0.0, percent: int = 100
    ) -> Work:
        async with self._store.write(request.slot, request.fence) as edit:
            await edit.save(edit.state.at_step(step))
            state = edit.state
        canary = state.canary
        if canary is None:
            raise _unknown(request.slot)
        return Work(
            slot=request.slot,
            fence=request.fence,
            revision=request.revision,
            known=Known(canary.spec, state.promoted_revision, state.previous_revision),
            began=self._began(),
            deadline=deadline or canary.spec.progress_deadline_seconds,
            percent=percent,
            owner=canary.owner if canary.uid else None,
            interval=state.claim.plan.analysis.interval if state.claim else UNCLAIMED,
        )

    async def _is_unknown(self, request: SlotWrite) -> bool:
        """The Canary was deleted, and all that was made for it: there is nothing to stop."""
        state = await self._store.read(request.slot)
        if state.canary is None:
            activity.logger.warning("slot.unknown", extra={"slot": request.slot.key})
        return state.canary is None

    async def _keep_promoted(self, work: Work, revision: str) -> None:
        async with self._store.write(work.slot, work.fence) as edit:
            await edit.save(edit.state.promoted(revision))

    def _began(self) -> float:
        try:
            return Begun.model_validate(next(iter(activity.info().heartbeat_details), None)).at
        except ValidationError:
            return self._clock()


def parts_of(
    api: KubeApi,
    settings: WorkloadSettings = DEFAULTS,
    clock: Callable[[], float] = time.time,
) -> Parts:
    """What the engines of a cluster share."""
    writes = FencedWrites(api)
    return Parts(
        writes=writes,
        revisions=Revisions(Snapshots(api, clock)),
        configs=TrackedConfigs(writes, settings),
        scalers=Scalers(writes),
        waiting=Waiting(api, clock),
        settings=settings,
    )


def _unknown(slot: Slot) -> Exception:
    return failure(
        Reason.TARGET_NOT_FOUND,
        f"nothing is kept of {slot.key}; apply its Canary again",
        retryable=False,
    )


async def _tried(act: Doing[None]) -> None:
    """The caller has its own reason to tell."""
    try:
        await act
    except ApplicationError as error:
        activity.logger.warning("workload.not_withdrawn", extra={"why": error.message})
