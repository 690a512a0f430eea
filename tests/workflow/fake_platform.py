"""A platform that keeps its desired state in memory and obeys the contracts, fence included."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from temporalio import activity
from temporalio.exceptions import ApplicationError

from workflows.approvals.sealing import VouchRequest, valid
from workflows.contracts import (
    Analysing,
    Auditing,
    Hooking,
    Planning,
    Routing,
    Vouching,
    Workload,
)
from workflows.errors import Reason, failure
from workflows.model.audit import AuditEntry, AuditLines, TerminatedRun
from workflows.model.hook import HookAnswer, HookType
from workflows.model.identity import Fence
from workflows.model.observation import Ending, Evidence, Observation, ObserveRequest
from workflows.model.plan import ALL_PRIMARY, Plan, Routes
from workflows.model.requests import (
    AdoptTarget,
    CallHooks,
    CallUndo,
    CloseRun,
    EnsureRoutes,
    HookAnswers,
    LookRequest,
    Orphan,
    Orphans,
    Prepared,
    PrepareRequest,
    PromoteTarget,
    ReleaseTarget,
    RoutesEnsured,
    SlotWrite,
    StartCanary,
    StopCanary,
    TargetLook,
)

SEAL_KEY = b"k" * 32


def passed(request: ObserveRequest) -> Observation:
    return Observation(
        ending=Ending.PASSED, ticks=1, failed_checks=request.failed_checks, evidence=Evidence()
    )


def failed(request: ObserveRequest) -> Observation:
    return Observation(
        ending=Ending.FAILED,
        ticks=2,
        failed_checks=request.failed_checks + 2,
        evidence=Evidence(),
        reason=Reason.FAILED_CHECKS,
        message="request-success-rate 81.2 is below 99",
    )


@dataclass
class FakePlatform(Planning, Workload, Routing, Analysing, Hooking, Auditing, Vouching):
    """`block` names activities or steps that wait until cancelled or released."""

    plan: Plan
    target: TargetLook | None = None
    log: list[str] = field(default_factory=list[str])
    routes: Routes = ALL_PRIMARY
    canary_runs: bool = False
    fence: Fence = field(default_factory=lambda: Fence(run_id="", generation=0, sequence=0))
    block: set[str] = field(default_factory=set[str])
    reached: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])
    verdicts: dict[str, Callable[[ObserveRequest], Observation]] = field(
        default_factory=dict[str, Callable[[ObserveRequest], Observation]]
    )
    failures: dict[str, ApplicationError] = field(default_factory=dict[str, ApplicationError])
    undo_failures: set[str] = field(default_factory=set[str])
    closed: list[CloseRun] = field(default_factory=list[CloseRun])
    orphans: list[Orphan] = field(default_factory=list[Orphan])
    audited: list[AuditEntry] = field(default_factory=list[AuditEntry])
    terminated_runs: list[TerminatedRun] = field(default_factory=list[TerminatedRun])

    def activities(self) -> Sequence[Callable[..., object]]:
        return (
            self.prepare, self.look, self.close, self.find_orphans, self.start_canary,
            self.promote, self.stop_canary, self.adopt, self.release, self.ensure,
            self.observe, self.call, self.undo, self.append, self.terminated, self.vouch,
        )  # fmt: skip

    def at(self, name: str) -> asyncio.Event:
        """Set once the activity or step of that name has begun."""
        return self.reached.setdefault(name, asyncio.Event())

    async def _enter(self, name: str, write: SlotWrite | ObserveRequest | None) -> None:
        if write is not None:
            if write.fence.older_than(self.fence):
                raise failure(Reason.FENCED, f"{name} comes too late", retryable=False)
            self.fence = write.fence
        self.at(name).set()
        if name in self.failures:
            raise self.failures[name]
        while name in self.block:
            activity.heartbeat()
            await asyncio.sleep(0.02)

    @activity.defn(name="planning.prepare")
    async def prepare(self, request: PrepareRequest) -> Prepared:
        await self._enter("prepare", None)
        return Prepared(plan=self.plan)

    @activity.defn(name="planning.look")
    async def look(self, request: LookRequest) -> TargetLook:
        await self._enter("look", None)
        promoted = self.plan.promoted_revision
        return self.target or TargetLook(revision=self.plan.revision, promoted_revision=promoted)

    @activity.defn(name="planning.close")
    async def close(self, request: CloseRun) -> None:
        await self._enter("close", None)
        self.closed.append(request)
        self.log.append(f"close {request.outcome}")

    @activity.defn(name="planning.find_orphans")
    async def find_orphans(self) -> Orphans:
        return Orphans(orphans=tuple(self.orphans))

    @activity.defn(name="workload.start_canary")
    async def start_canary(self, request: StartCanary) -> None:
        await self._enter("start", request)
        self.canary_runs = True
        self.log.append(f"start {request.revision}")

    @activity.defn(name="workload.promote")
    async def promote(self, request: PromoteTarget) -> None:
        await self._enter("promote", request)
        self.log.append(f"promote {request.revision}")

    @activity.defn(name="workload.stop_canary")
    async def stop_canary(self, request: StopCanary) -> None:
        await self._enter("stop", request)
        self.canary_runs = False
        self.log.append("stop")

    @activity.defn(name="workload.adopt")
    async def adopt(self, request: AdoptTarget) -> None:
        await self._enter("adopt", request)
        self.log.append(f"adopt {request.revision}")

    @activity.defn(name="workload.release")
    async def release(self, request: ReleaseTarget) -> None:
        await self._enter("release", request)
        self.log.append("release")

    @activity.defn(name="routing.ensure")
    async def ensure(self, request: EnsureRoutes) -> RoutesEnsured:
        await self._enter("restore" if request.step == "restore" else "shift", request)
        self._route(request.routes)
        return RoutesEnsured(changed=True)

    @activity.defn(name="analysis.observe")
    async def observe(self, request: ObserveRequest) -> Observation:
        await self._enter("observe", request)
        self._route(request.routes)
        await self._enter(request.step, None)
        while request.passes is None and request.step not in self.verdicts:
            activity.heartbeat()
            await asyncio.sleep(0.02)
        return self.verdicts.get(request.step, passed)(request)

    @activity.defn(name="hooks.call")
    async def call(self, request: CallHooks) -> HookAnswers:
        self.log.extend(f"call {hook.name} {request.phase}" for hook in request.hooks)
        return HookAnswers(answers=())

    @activity.defn(name="hooks.undo")
    async def undo(self, request: CallUndo) -> HookAnswers:
        await self._enter(f"undo {request.undo.name}", None)
        if request.undo.name in self.undo_failures:
            raise failure(Reason.HOOK_FAILED, "answered 500", retryable=True)
        self.log.append(f"undo {request.undo.name}")
        answer = HookAnswer(name=request.undo.name, type=HookType.EVENT, ok=True)
        return HookAnswers(answers=(answer,))

    @activity.defn(name="audit.append")
    async def append(self, lines: AuditLines) -> None:
        await self._enter("audit", None)
        known = {entry.id for entry in self.audited}
        self.audited.extend(entry for entry in lines.entries if entry.id not in known)

    @activity.defn(name="audit.terminated")
    async def terminated(self, run: TerminatedRun) -> None:
        self.terminated_runs.append(run)

    @activity.defn(name="vouching.vouch")
    async def vouch(self, request: VouchRequest) -> None:
        await self._enter("vouch", None)
        if not valid(SEAL_KEY, request.seal, request.words):
            raise failure(Reason.SEAL_INVALID, "the seal is not the gateway's", retryable=False)

    def _route(self, routes: Routes) -> None:
        self.routes = routes
        self.log.append(f"routes {routes.primary}/{routes.canary}")
