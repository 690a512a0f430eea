"""How the rollouts of a target ended: what the platform keeps, or what Temporal still knows."""

import asyncio
import errno

from temporalio.client import Client, WorkflowExecution, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.claims import PastRun
from activities.local.home import Home
from activities.local.state import TargetStore
from worker.gateway.context import GatewayContext
from worker.rollouts import NoAnswer
from workflows.errors import reason_of
from workflows.model.identity import Slot
from workflows.model.input import RolloutResult
from workflows.model.requests import Outcome

MOST = 50
"""As many as the platforms keep."""


async def pasts(context: GatewayContext, slot: Slot) -> tuple[PastRun, ...]:
    """The rollouts of a slot that are over, the newest last."""
    if context.settings.platform == "local":
        return await _kept(TargetStore(Home(context.settings.home)), slot)
    return await _known_to_temporal(context.client, slot)


async def _kept(store: TargetStore, slot: Slot) -> tuple[PastRun, ...]:
    try:
        return (await store.read(slot)).history
    except OSError as error:
        # A name that no file can have never had a rollout.
        if error.errno != errno.ENAMETOOLONG:
            raise
        return ()


async def _known_to_temporal(client: Client, slot: Slot) -> tuple[PastRun, ...]:
    query = f"WorkflowId = '{slot.workflow_id}' AND ExecutionStatus != 'Running'"
    try:
        runs = [run async for run in client.list_workflows(query, limit=MOST)]
        found = await asyncio.gather(*(_past(client, run) for run in runs))
    except RPCError as error:
        raise NoAnswer(f"Temporal does not list rollouts: {error.message}") from error
    return tuple(sorted(found, key=lambda past: past.ended_at))


async def _past(client: Client, run: WorkflowExecution) -> PastRun:
    """A run that failed before it had a plan has changed nothing; its reason says why."""
    handle = client.get_workflow_handle(run.id, run_id=run.run_id, result_type=RolloutResult)
    ended = (run.close_time or run.start_time).timestamp()
    times = {"started_at": run.start_time.timestamp(), "ended_at": ended}
    try:
        result: RolloutResult = await handle.result(follow_runs=False)
    except WorkflowFailureError as error:
        cause = error.cause
        reason = reason_of(cause) if isinstance(cause, ApplicationError) else None
        return PastRun.model_validate(
            {
                "revision": "",
                "outcome": Outcome.UNCHANGED,
                "reason": reason,
                "message": str(cause or error),
                **times,
            }
        )
    fields = {**dict(result), "reason": result.reason or None, **times}
    return PastRun.model_validate(fields)
