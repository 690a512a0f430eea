"""What announcers have delivered, and sending dead letters again; asked by `serinus alerts`.

An announcer that is over is begun again with its dead letters only; one that still runs is told.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError

from worker.rollouts import QUEUE, NoAnswer, NoRollout
from workflows import search_attributes
from workflows.model.announcement import Again, Announce, News, Queued, Told
from workflows.model.value import Record
from workflows.telling.announcements import WORKFLOW, searchable

UNDELIVERED = "Undelivered"
NEWEST = 100
"""So many announcers are asked at most."""
WITHIN = timedelta(seconds=5)


class Row(Record):
    """One announcer."""

    workflow_id: str
    run_id: str
    running: bool
    started_at: float
    told: Told


async def rows(client: Client, namespace: str | None, *, dead: bool = False) -> list[Row]:
    """The newest announcers first; with `dead` those that gave something up."""
    found = [execution async for execution in _listed(client, namespace, dead=dead)]
    asked = await asyncio.gather(*(_row(client, execution) for execution in found))
    return [row for row in asked if row.told.dead or not dead]


async def retry(client: Client, namespace: str | None, letter: str = "") -> int:
    """Send dead letters again, all without an id; says how many. NoRollout if there is none."""
    number = 0
    for row in await rows(client, namespace, dead=True):
        ids = tuple(each.id for each in row.told.dead if letter in ("", each.id))
        if ids:
            await _send_again(client, row, ids)
            number += len(ids)
    if letter and not number:
        raise NoRollout(f"there is no dead letter {letter}; `serinus alerts --dead` lists them")
    return number


async def _send_again(client: Client, row: Row, ids: tuple[str, ...]) -> None:
    handle = client.get_workflow_handle(row.workflow_id, run_id=row.run_id)
    if row.running:
        await handle.signal("again", Again(ids=ids))
        return
    before: Announce = await handle.query("start", result_type=Announce, rpc_timeout=WITHIN)
    again = tuple(letter for letter in before.dead if letter.id in ids)
    await client.start_workflow(
        WORKFLOW,
        before.model_copy(
            update={
                "news": News(last=True),
                "queued": tuple(Queued(receiver=one.receiver, item=one.item) for one in again),
                "dead": tuple(letter for letter in before.dead if letter.id not in ids),
            }
        ),
        id=row.workflow_id,
        task_queue=QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        static_summary=f"tell people of {before.slot.key} again",
        search_attributes=searchable(before.slot),
    )


async def _listed(
    client: Client, namespace: str | None, *, dead: bool
) -> AsyncGenerator[WorkflowExecution]:
    """Each once; letters of an older run have been sent again, or are the newer one's."""
    query = f"WorkflowType = '{WORKFLOW}'"
    if namespace is not None:
        query += f" AND {search_attributes.NAMESPACE.name} = '{namespace}'"
    if dead:
        query += f" AND {search_attributes.PHASE.name} = '{UNDELIVERED}'"
    seen: set[str] = set()
    try:
        async for execution in client.list_workflows(query, limit=NEWEST):
            if execution.id not in seen:
                seen.add(execution.id)
                yield execution
    except RPCError as error:
        raise NoAnswer(f"Temporal does not list announcers: {error.message}") from error


async def _row(client: Client, execution: WorkflowExecution) -> Row:
    handle = client.get_workflow_handle(execution.id)
    try:
        newest = await handle.describe(rpc_timeout=WITHIN)
        told: Told = await handle.query("told", result_type=Told, rpc_timeout=WITHIN)
    except (RPCError, WorkflowQueryFailedError) as error:
        raise NoAnswer(f"no worker answers for {execution.id}: is it running?") from error
    return Row(
        workflow_id=execution.id,
        run_id=newest.run_id,
        running=newest.status is WorkflowExecutionStatus.RUNNING,
        started_at=newest.start_time.timestamp(),
        told=told,
    )
