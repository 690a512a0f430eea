"""Every activity's typed contract; `activities/` implements them, tests fake them.

A class is one capability of a platform. The workflow calls methods of these classes; the worker
registers implementations under the same names.
"""

from temporalio import activity

from workflows.approvals.sealing import VouchRequest
from workflows.model.announcement import LookAtRun, RunSeen, SendAlert, SendEvent
from workflows.model.audit import AuditLines, TerminatedRun
from workflows.model.delivery import Delivered, DeliveryInput
from workflows.model.observation import Observation, ObserveRequest
from workflows.model.requests import (
    AdoptTarget,
    CallHooks,
    CallUndo,
    CloseRun,
    EnsureRoutes,
    HookAnswers,
    LookRequest,
    Orphans,
    Prepared,
    PrepareRequest,
    PromoteTarget,
    ReleaseTarget,
    RoutesEnsured,
    StartCanary,
    StopCanary,
    TargetLook,
)


class Planning:
    """Reads what people wrote and turns it into a plan."""

    @activity.defn(name="planning.prepare")
    async def prepare(self, request: PrepareRequest) -> Prepared:
        """Compile the plan and claim the slot; `InvalidManifest`, `TargetNotFound` end the run."""
        raise NotImplementedError

    @activity.defn(name="planning.look")
    async def look(self, request: LookRequest) -> TargetLook:
        """Read the target's revision; changes nothing."""
        raise NotImplementedError

    @activity.defn(name="planning.close")
    async def close(self, request: CloseRun) -> None:
        """Keep the outcome and free the slot."""
        raise NotImplementedError

    @activity.defn(name="planning.find_orphans")
    async def find_orphans(self) -> Orphans:
        """Find slots claimed by a run that is no longer running."""
        raise NotImplementedError


class Workload:
    """The copies of a target."""

    @activity.defn(name="workload.start_canary")
    async def start_canary(self, request: StartCanary) -> None:
        """`ProgressDeadlineExceeded` when it is not ready in time."""
        raise NotImplementedError

    @activity.defn(name="workload.promote")
    async def promote(self, request: PromoteTarget) -> None:
        """`ProgressDeadlineExceeded` when the new primary is not ready; the old one then stays."""
        raise NotImplementedError

    @activity.defn(name="workload.stop_canary")
    async def stop_canary(self, request: StopCanary) -> None:
        """`PrimaryNotReady` (retryable) while the canary is the only serving copy."""
        raise NotImplementedError

    @activity.defn(name="workload.adopt")
    async def adopt(self, request: AdoptTarget) -> None:
        """Bootstrap; the target's own copy serves until the primary does."""
        raise NotImplementedError

    @activity.defn(name="workload.release")
    async def release(self, request: ReleaseTarget) -> None:
        """Undo what `adopt` made."""
        raise NotImplementedError


class Routing:
    """Where users' requests go."""

    @activity.defn(name="routing.ensure")
    async def ensure(self, request: EnsureRoutes) -> RoutesEnsured:
        """Desired state; `Fenced` (final) if a newer write came first."""
        raise NotImplementedError


class Analysing:
    """Judging the canary while users meet it."""

    @activity.defn(name="analysis.observe")
    async def observe(self, request: ObserveRequest) -> Observation:
        """Hold the routes and judge at each interval; heartbeats, goes on where it stopped."""
        raise NotImplementedError


class Hooking:
    """Outbound webhooks outside an observation."""

    @activity.defn(name="hooks.call")
    async def call(self, request: CallHooks) -> HookAnswers:
        """Best effort; a failing hook is an answer, not an error."""
        raise NotImplementedError

    @activity.defn(name="hooks.undo")
    async def undo(self, request: CallUndo) -> HookAnswers:
        """`HookFailed` (retryable) until the hook answers 2xx."""
        raise NotImplementedError

    @activity.defn(name="hooks.event")
    async def event(self, request: SendEvent) -> None:
        """`ReceiverDown` (retryable) or `AlertRefused` until the hook answers 2xx."""
        raise NotImplementedError


class Alerting:
    """Telling people."""

    @activity.defn(name="alerts.send")
    async def send(self, request: SendAlert) -> None:
        """`ReceiverDown` (retryable) or `AlertRefused` unless the receiver took it."""
        raise NotImplementedError

    @activity.defn(name="alerts.look")
    async def look(self, request: LookAtRun) -> RunSeen:
        """Look at the run that is announced; changes nothing."""
        raise NotImplementedError


class Vouching:
    """Knowing who speaks."""

    @activity.defn(name="vouching.vouch")
    async def vouch(self, request: VouchRequest) -> None:
        """`SealInvalid` unless the gateway sealed these words a moment ago."""
        raise NotImplementedError


class Delivering:
    """What triggers want of rollouts."""

    @activity.defn(name="deliveries.carry_out")
    async def carry_out(self, request: DeliveryInput) -> Delivered:
        """Look, then tell the rollout; an order that makes no sense any more is an answer."""
        raise NotImplementedError


class Auditing:
    """The audit log of a cluster."""

    @activity.defn(name="audit.append")
    async def append(self, lines: AuditLines) -> None:
        """Append what is not there yet; `StorageFull` and `AuditUnwritable` are retryable."""
        raise NotImplementedError

    @activity.defn(name="audit.terminated")
    async def terminated(self, run: TerminatedRun) -> None:
        """Append the record of a run that could not write it, or that nobody knows it."""
        raise NotImplementedError
