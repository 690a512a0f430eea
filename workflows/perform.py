"""One step, one activity: how each kind of step is asked of the platform.

Called by `workflows.rollout` and `workflows.restore` inside a workflow. Queues, timeouts and
retries are chosen here, so that the run itself reads as a runbook.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.workflow import ActivityCancellationType

from workflows import policies
from workflows.approvals.sealing import VouchRequest
from workflows.contracts import Analysing, Hooking, Planning, Routing, Vouching, Workload
from workflows.errors import Reason, reason_of
from workflows.model.course import Course
from workflows.model.identity import Fence, Slot
from workflows.model.observation import Observation, ObserveRequest
from workflows.model.plan import (
    Adopt,
    Ask,
    Call,
    Finish,
    Observe,
    Plan,
    Promote,
    Release,
    Shift,
    Start,
    Step,
)
from workflows.model.requests import (
    Action,
    AdoptTarget,
    CallHooks,
    CloseRun,
    EnsureRoutes,
    LookRequest,
    Prepared,
    PrepareRequest,
    PromoteTarget,
    ReleaseTarget,
    SlotWrite,
    StartCanary,
    StopCanary,
    TargetLook,
)
from workflows.observing import observe_request

C = TypeVar("C")
R = TypeVar("R")
T = TypeVar("T")
Method = Callable[[C, R], Awaitable[T]]


def queue_of(cluster: str) -> str:
    """The queue of the activities of a cluster."""
    return f"rollouts-{cluster}"


def overtaken(error: ActivityError) -> bool:
    """Whether a write was refused because a newer one came first."""
    cause = error.cause
    return isinstance(cause, ApplicationError) and reason_of(cause) is Reason.FENCED


def observe_queue_of(cluster: str) -> str:
    """Long observations have a queue of their own, so that they never hold up a write."""
    return f"rollouts-{cluster}-observe"


@dataclass(frozen=True)
class Performer:
    """Asks the platform of one slot; `fence()` numbers the commands of this run."""

    slot: Slot
    fence: Callable[[], Fence]

    async def prepare(self, action: Action, *, previous: bool) -> Prepared:
        """Compile the plan and claim the slot."""
        request = PrepareRequest(
            slot=self.slot,
            fence=self.fence(),
            workflow_id=self.slot.workflow_id,
            action=action,
            previous=previous,
        )
        return await self._read(Planning.prepare, request, f"compile the plan of {self.slot.key}")

    async def look(self) -> TargetLook:
        """Read which revision the target holds now."""
        request = LookRequest(slot=self.slot)
        return await self._read(Planning.look, request, "a trigger came: look at the target")

    async def vouch(self, request: VouchRequest) -> None:
        """Know who speaks; `SealInvalid` if the seal is not the gateway's."""
        await workflow.execute_activity_method(
            Vouching.vouch,
            request,
            task_queue=queue_of(self.slot.cluster),
            start_to_close_timeout=policies.READ_TIMEOUT,
            schedule_to_close_timeout=policies.VOUCH_LIMIT,
            retry_policy=policies.READ_RETRY,
            priority=policies.FIRST,
            summary=f"who says {request.words.verb}? {request.words.by}",
        )

    async def close(self, request: CloseRun) -> None:
        """Keep the outcome and free the slot; who was overtaken leaves both to who came after."""
        summary = f"keep the outcome: {request.outcome}"
        try:
            await self._write(Planning.close, request, policies.WRITE_TIMEOUT, summary)
        except ActivityError as error:
            if not overtaken(error):
                raise
            workflow.logger.warning("close.overtaken", extra={"slot": self.slot.key})

    async def step(self, plan: Plan, course: Course, step: Step, phase: str) -> Observation | None:
        """Perform one step to its end; observations and gates answer with what was seen."""
        write = SlotWrite(slot=self.slot, fence=self.fence(), revision=plan.revision)
        if isinstance(step, Ask | Observe):
            return await self.observe(observe_request(write, plan, course, step, phase), step)
        await self._do(write, plan, step, phase)
        return None

    async def observe(self, request: ObserveRequest, step: Ask | Observe) -> Observation:
        """Hold the routes and judge.

        A cancelled observation is not waited for: what it writes late is refused by its fence,
        and a restore must not wait for its next heartbeat.
        """
        return await workflow.execute_activity_method(
            Analysing.observe,
            request,
            task_queue=observe_queue_of(self.slot.cluster),
            start_to_close_timeout=policies.OBSERVE_TIMEOUT,
            heartbeat_timeout=policies.OBSERVE_HEARTBEAT,
            retry_policy=policies.OBSERVE_RETRY,
            cancellation_type=ActivityCancellationType.TRY_CANCEL,
            priority=policies.ORDINARY,
            summary=step.summary,
        )

    async def _do(self, write: SlotWrite, plan: Plan, step: Step, phase: str) -> None:
        match step:
            case Start() | Promote() | Adopt() | Finish() | Release():
                await self._workload(write, plan, step)
            case Shift(routes=routes):
                shift = EnsureRoutes.model_validate(
                    {**_of(write), "traffic": plan.traffic, "routes": routes, "step": step.name}
                )
                await self._write(Routing.ensure, shift, policies.WRITE_TIMEOUT, step.summary)
            case Call(hooks=hooks):
                call = CallHooks.model_validate(
                    {
                        **_of(write),
                        "hooks": hooks,
                        "phase": phase,
                        "checksum": plan.checksum,
                        "step": step.name,
                    }
                )
                await self._try(call, step.summary)
            case Ask() | Observe():
                raise AssertionError(step.kind)

    async def _workload(
        self, write: SlotWrite, plan: Plan, step: Start | Promote | Adopt | Finish | Release
    ) -> None:
        match step:
            case Start(deadline=deadline, ready_percent=percent):
                fields = {**_of(write), "deadline": deadline, "ready_percent": percent}
                start = StartCanary.model_validate(fields)
                await self._wait(Workload.start_canary, start, deadline, step.summary)
            case Promote(deadline=deadline, ready_percent=percent):
                fields = {**_of(write), "deadline": deadline, "ready_percent": percent}
                promote = PromoteTarget.model_validate(fields)
                await self._wait(Workload.promote, promote, deadline, step.summary)
            case Adopt(deadline=deadline):
                fields = {**_of(write), "deadline": deadline, "traffic": plan.traffic}
                adopt = AdoptTarget.model_validate(fields)
                await self._wait(Workload.adopt, adopt, deadline, step.summary)
            case Finish():
                stop = StopCanary.model_validate(_of(write))
                await self._wait(Workload.stop_canary, stop, 0, step.summary)
            case Release():
                release = ReleaseTarget.model_validate(_of(write))
                await self._wait(Workload.release, release, 0, step.summary)

    async def _read(self, method: Method[C, R, T], request: R, summary: str) -> T:
        return await workflow.execute_activity_method(
            method,
            request,
            task_queue=queue_of(self.slot.cluster),
            start_to_close_timeout=policies.READ_TIMEOUT,
            retry_policy=policies.READ_RETRY,
            summary=summary,
        )

    async def _write(
        self, method: Method[C, R, T], request: R, limit: timedelta, summary: str
    ) -> T:
        return await workflow.execute_activity_method(
            method,
            request,
            task_queue=queue_of(self.slot.cluster),
            start_to_close_timeout=limit,
            retry_policy=policies.WRITE_RETRY,
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            priority=policies.ORDINARY,
            summary=summary,
        )

    async def _wait(self, method: Method[C, R, T], request: R, deadline: float, summary: str) -> T:
        return await workflow.execute_activity_method(
            method,
            request,
            task_queue=queue_of(self.slot.cluster),
            start_to_close_timeout=timedelta(seconds=deadline) + policies.STOP_TIMEOUT,
            heartbeat_timeout=policies.ATTENDED_HEARTBEAT,
            retry_policy=policies.WRITE_RETRY,
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            priority=policies.ORDINARY,
            summary=summary,
        )

    async def _try(self, request: CallHooks, summary: str) -> None:
        await workflow.execute_activity_method(
            Hooking.call,
            request,
            task_queue=queue_of(self.slot.cluster),
            start_to_close_timeout=policies.HOOK_TIMEOUT,
            heartbeat_timeout=policies.HEARTBEAT,
            retry_policy=policies.BEST_EFFORT_RETRY,
            summary=summary,
        )


def _of(write: SlotWrite) -> dict[str, object]:
    return {"slot": write.slot, "fence": write.fence, "revision": write.revision}
