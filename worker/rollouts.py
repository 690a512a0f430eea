"""Speaking to rollouts: start, tell, ask, list. Used by the command line and the gateway.

The workflow is called by its name: importing its code would cost each command a second.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from workflows import policies, search_attributes
from workflows.details import static_details
from workflows.errors import SerinusError
from workflows.model.decisions import Submit
from workflows.model.identity import Slot
from workflows.model.input import RolloutInput
from workflows.model.observation import ObserveProgress
from workflows.model.status import RolloutStatus, Verb
from workflows.model.value import Record, Value

QUEUE = "rollouts"
WORKFLOW = "Rollout"
OBSERVE = "analysis.observe"
ANSWER_WITHIN = 30.0
CLOSING = 0.2
"""Seconds between two looks at a run that is about to close."""
QUERY_WITHIN = timedelta(seconds=5)


class RolloutRefused(SerinusError):  # noqa: N818  the name says what is wrong
    """The rollout refused what it was told; the text is its own, and so is the reason code."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class NoRollout(SerinusError):  # noqa: N818
    """Nothing runs in this slot."""


class NoAnswer(SerinusError):  # noqa: N818
    """Temporal or the worker does not answer."""


class Row(Record):
    """One rollout of a list, as the search attributes have it."""

    slot: Slot
    run_id: str
    state: str
    phase: str = ""
    revision: str = ""
    strategy: str = ""
    step: int | None = None
    weight: int | None = None
    awaiting_approval: bool = False
    started_at: float
    ended_at: float | None = None


class Looked(Record):
    """What one look saw; `lost`: the run is over and could not say how."""

    status: RolloutStatus
    progress: ObserveProgress | None = None
    lost: bool = False


async def submit(client: Client, slot: Slot, order: Submit, trigger: str) -> RolloutStatus:
    """Start a rollout of the slot, or tell the running one; the same trigger counts once."""
    start = RolloutInput(**slot.model_dump(), action=order.action, by=order.by, reason=order.reason)
    async with _readable(slot):
        status: RolloutStatus = await client.execute_update_with_start_workflow(
            Verb.SUBMIT,
            order,
            start_workflow_operation=WithStartWorkflowOperation(
                WORKFLOW,
                start,
                id=slot.workflow_id,
                task_queue=QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=f"{order.action} {slot.key}",
                static_details=static_details(slot),
                priority=policies.ORDINARY,
            ),
            id=trigger,
            result_type=RolloutStatus,
        )
    return status


async def release_previous(client: Client, slot: Slot, by: str, reason: str) -> str:
    """Start a rollout of the revision promoted before the present one; returns the run id."""
    start = RolloutInput(**slot.model_dump(), previous=True, by=by, reason=reason)
    async with _readable(slot):
        await _closed_if_over(client, slot)
        try:
            handle = await client.start_workflow(
                WORKFLOW,
                start,
                id=slot.workflow_id,
                task_queue=QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=f"undo {slot.key}",
                static_details=static_details(slot),
                priority=policies.ORDINARY,
            )
        except WorkflowAlreadyStartedError as error:
            raise RolloutRefused(
                f"a rollout of {slot.key} is running; take it back with `serinus abort {slot.name}`"
            ) from error
    return handle.result_run_id or ""


async def _closed_if_over(client: Client, slot: Slot) -> None:
    """Wait for a run that has its outcome and only writes its record yet."""
    try:
        newest = await status(client, slot)
        while newest.outcome is not None and await is_running(client, slot):
            await asyncio.sleep(CLOSING)
            newest = await status(client, slot)
    except NoRollout:
        return


async def tell(  # noqa: PLR0913  two of them only keep an order to once and to one run
    client: Client,
    slot: Slot,
    verb: Verb,
    order: Value,
    *,
    update_id: str | None = None,
    run_id: str | None = None,
) -> RolloutStatus:
    """Send an update to the running rollout; its answer is the new status.

    The same `update_id` counts once in a run; with `run_id`, no other run than that is told.
    """
    handle = client.get_workflow_handle(slot.workflow_id, run_id=run_id)
    async with _readable(slot):
        status: RolloutStatus = await handle.execute_update(
            verb, order, id=update_id, result_type=RolloutStatus
        )
    return status


async def status(client: Client, slot: Slot, *, run_id: str | None = None) -> RolloutStatus:
    """Ask the slot's newest run, or that of an id, running or not, for its status."""
    return (await look(client, slot, run_id=run_id)).status


async def look(client: Client, slot: Slot, *, run_id: str | None = None) -> Looked:
    """The status, how far the observation is that runs now, and whether the run goes on."""
    handle = client.get_workflow_handle(slot.workflow_id, run_id=run_id)
    async with _readable(slot):
        answer: RolloutStatus = await handle.query(
            "status", result_type=RolloutStatus, rpc_timeout=QUERY_WITHIN
        )
        if answer.outcome is not None:
            return Looked(status=answer)
        described = await handle.describe()
        progress = await _progress(client, described)
    return Looked(
        status=with_progress(answer, progress),
        progress=progress,
        lost=described.status is not WorkflowExecutionStatus.RUNNING,
    )


def with_progress(status: RolloutStatus, progress: ObserveProgress | None) -> RolloutStatus:
    """A status whose evidence is the latest: that of the observation still under way."""
    if progress is None or not progress.ticks:
        return status
    latest = {"evidence": progress.evidence, "failed_checks": progress.failed_checks}
    return status.model_copy(update=latest)


async def _progress(
    client: Client, described: WorkflowExecutionDescription
) -> ObserveProgress | None:
    """The heartbeat of the observation that runs now; it costs the rollout no history."""
    for pending in described.raw_description.pending_activities:
        if pending.activity_type.name == OBSERVE and pending.heartbeat_details.payloads:
            payloads = pending.heartbeat_details.payloads
            (progress,) = await client.data_converter.decode(payloads, [ObserveProgress])
            return progress if isinstance(progress, ObserveProgress) else None
    return None


async def is_running(client: Client, slot: Slot) -> bool:
    """Whether the slot's newest run is not over."""
    handle = client.get_workflow_handle(slot.workflow_id)
    async with _readable(slot):
        seen = await handle.describe(rpc_timeout=QUERY_WITHIN)
    return seen.status is WorkflowExecutionStatus.RUNNING


async def ending(client: Client, slot: Slot) -> str:
    """Say how a run ended that could not say so itself: it failed, or somebody ended it."""
    handle = client.get_workflow_handle(slot.workflow_id)
    async with _readable(slot):
        try:
            await handle.result(rpc_timeout=QUERY_WITHIN)
        except WorkflowFailureError as error:
            return f"the rollout of {slot.key} failed: {_words(error)}"
    return f"the rollout of {slot.key} ended without an outcome"


async def listing(client: Client, namespace: str | None = None) -> list[Row]:
    """List the newest run of each slot; visibility lags by a moment."""
    query = f"WorkflowType = '{WORKFLOW}'"
    if namespace is not None:
        query += f" AND {search_attributes.NAMESPACE.name} = '{namespace}'"
    rows: dict[str, Row] = {}
    try:
        async for execution in client.list_workflows(query):
            rows.setdefault(execution.id, _row(execution))
    except RPCError as error:
        raise NoAnswer(f"Temporal does not list rollouts: {error.message}") from error
    return list(rows.values())


def _row(execution: WorkflowExecution) -> Row:
    known = execution.typed_search_attributes
    closed = execution.close_time
    state = execution.status or WorkflowExecutionStatus.RUNNING
    return Row(
        slot=Slot.of(execution.id),
        run_id=execution.run_id,
        state=state.name.lower(),
        phase=known.get(search_attributes.PHASE) or "",
        revision=known.get(search_attributes.REVISION) or "",
        strategy=known.get(search_attributes.STRATEGY) or "",
        step=known.get(search_attributes.STEP),
        weight=known.get(search_attributes.WEIGHT),
        awaiting_approval=known.get(search_attributes.AWAITING_APPROVAL) or False,
        started_at=execution.start_time.timestamp(),
        ended_at=closed.timestamp() if closed else None,
    )


@asynccontextmanager
async def _readable(slot: Slot) -> AsyncGenerator[None]:
    """Turn the SDK's errors into one readable line each."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            yield
    except (WorkflowUpdateFailedError, WorkflowQueryFailedError) as error:
        cause = error.cause if isinstance(error, WorkflowUpdateFailedError) else None
        reason = cause.type if isinstance(cause, ApplicationError) else None
        raise RolloutRefused(_words(error), reason or "") from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise NoAnswer(_nobody(slot)) from error
    except RPCError as error:
        raise _of_rpc(error, slot) from error


def _words(error: BaseException) -> str:
    """The innermost message: what the workflow said."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error)


def _of_rpc(error: RPCError, slot: Slot) -> SerinusError:
    match error.status:
        case RPCStatusCode.NOT_FOUND:
            return NoRollout(f"no rollout is running for {slot.key}")
        case RPCStatusCode.UNAVAILABLE:
            return NoAnswer("Temporal does not answer; `serinus doctor` says what is wrong")
        case RPCStatusCode.DEADLINE_EXCEEDED | RPCStatusCode.CANCELLED:
            return NoAnswer(_nobody(slot))
        case _:
            return NoAnswer(f"Temporal refused: {error.message}")


def _nobody(slot: Slot) -> str:
    return f"no worker answers for {slot.key}; is `serinus worker` running?"
