"""The runs of a slot that Temporal still knows, and two of them side by side."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

from temporalio.client import (
    WorkflowContinuedAsNewError,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.service import RPCError

from worker.gateway import problems
from worker.gateway.context import GatewayContext
from worker.gateway.pages.curves import Curve, curves
from workflows import search_attributes
from workflows.model.identity import Slot
from workflows.model.input import RolloutResult
from workflows.model.observation import Tick
from workflows.model.status import RolloutStatus, StepStatus

MOST = 50


@dataclass(frozen=True)
class Run:
    """One run, over or not; `outcome` is empty while it runs."""

    run_id: str
    state: str
    phase: str
    revision: str
    started_at: float
    ended_at: float | None
    outcome: str = ""
    reason: str = ""
    message: str = ""

    @property
    def took(self) -> float | None:
        return None if self.ended_at is None else self.ended_at - self.started_at


@dataclass(frozen=True)
class Compared:
    """One of two runs."""

    status: RolloutStatus
    ticks: tuple[tuple[str, Tick], ...]

    @property
    def took(self) -> float | None:
        ended = self.status.ended_at
        return None if ended is None else ended - self.status.started_at

    @property
    def curves(self) -> dict[str, Curve]:
        return {curve.name: curve for curve in curves(self.ticks)}

    def rows_beside(
        self, other: "Compared"
    ) -> tuple[tuple[str, StepStatus | None, StepStatus | None], ...]:
        """Every step of either, in an order that is right for both."""
        mine = {step.name: step for step in self.status.steps}
        theirs = {step.name: step for step in other.status.steps}
        return tuple((name, mine.get(name), theirs.get(name)) for name in merged(mine, theirs))

    def checks_beside(
        self, other: "Compared"
    ) -> tuple[tuple[str, Curve | None, Curve | None], ...]:
        """Every check of either."""
        mine, theirs = self.curves, other.curves
        names = dict.fromkeys((*mine, *theirs))
        return tuple((name, mine.get(name), theirs.get(name)) for name in names)


def merged(one: Iterable[str], other: Iterable[str]) -> list[str]:
    """Names of two lists, each once; both keep their order where they do not contradict."""
    mine, theirs = list(one), list(other)
    found: list[str] = []
    for _, a, b, c, d in SequenceMatcher(a=mine, b=theirs, autojunk=False).get_opcodes():
        found += (*mine[a:b], *theirs[c:d])
    return list(dict.fromkeys(found))


async def runs_of(context: GatewayContext, slot: Slot) -> tuple[Run, ...]:
    """The newest first."""
    query = f"WorkflowId = '{slot.workflow_id}'"
    try:
        listed = [each async for each in context.client.list_workflows(query, limit=MOST)]
        found = await asyncio.gather(*(_run(context, each) for each in listed))
    except RPCError as error:
        raise problems.unavailable(f"Temporal does not list rollouts: {error.message}") from error
    return tuple(sorted(found, key=lambda run: -run.started_at))


async def _run(context: GatewayContext, execution: WorkflowExecution) -> Run:
    known = execution.typed_search_attributes
    closed = execution.close_time
    state = execution.status or WorkflowExecutionStatus.RUNNING
    outcome, reason, message = await _ending(context, execution)
    return Run(
        run_id=execution.run_id,
        state=state.name.lower(),
        phase=known.get(search_attributes.PHASE) or "",
        revision=known.get(search_attributes.REVISION) or "",
        started_at=execution.start_time.timestamp(),
        ended_at=closed.timestamp() if closed else None,
        outcome=outcome,
        reason=reason,
        message=message,
    )


async def _ending(context: GatewayContext, execution: WorkflowExecution) -> tuple[str, str, str]:
    """How it ended: outcome, reason and words; nothing while it runs."""
    if execution.status is WorkflowExecutionStatus.RUNNING:
        return "", "", ""
    handle = context.client.get_workflow_handle(
        execution.id, run_id=execution.run_id, result_type=RolloutResult
    )
    try:
        result: RolloutResult = await handle.result(follow_runs=False)
    except WorkflowContinuedAsNewError:
        return "went on", "", "as another run"
    except WorkflowFailureError as error:
        return "failed", "", str(error.cause or error)
    return str(result.outcome), str(result.reason), result.message
