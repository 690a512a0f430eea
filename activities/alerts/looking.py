"""Looks at a rollout that is announced, at Temporal itself: does it run, and what fails in it?

Asked by the `Announcer` when a restore takes long, and once a day of silence. `worker` gives it
the client.
"""

from temporalio.api.failure.v1 import Failure
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from workflows.model.announcement import LookAtRun, RunSeen, Trouble

_ALIVE = (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)
SAID = 500


class RunLooks:
    """One for a worker."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def __call__(self, request: LookAtRun) -> RunSeen:
        """A run that Temporal no longer knows is over."""
        workflow_id = request.slot.workflow_id
        first = await self._described(workflow_id, request.run_id)
        if first is None or first.status not in _ALIVE:
            return RunSeen(running=False)
        newest = await self._described(workflow_id, None)
        if newest is None or newest.status is not WorkflowExecutionStatus.RUNNING:
            return RunSeen(running=False)
        return RunSeen(running=True, trouble=tuple(_trouble(newest)))

    async def _described(
        self, workflow_id: str, run_id: str | None
    ) -> WorkflowExecutionDescription | None:
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            return await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise


def _trouble(described: WorkflowExecutionDescription) -> list[Trouble]:
    return [
        Trouble(
            activity=pending.activity_type.name,
            attempt=pending.attempt,
            message=_innermost(pending.last_failure)[:SAID],
        )
        for pending in described.raw_description.pending_activities
        if pending.attempt > 1
    ]


def _innermost(failed: Failure) -> str:
    while failed.HasField("cause"):
        failed = failed.cause
    return failed.message
