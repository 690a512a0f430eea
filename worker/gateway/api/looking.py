"""Looking at rollouts: the list, one of them, and how those of a target ended."""

from collections.abc import Iterator

from starlette.requests import Request

from worker import records, rollouts
from worker.gateway import problems
from worker.gateway.api import faults
from worker.gateway.api.answers import Answer, of_status
from worker.gateway.api.operations import Call
from worker.gateway.api.paging import ForeignCursor, Page, page_of
from worker.gateway.api.pasts import pasts
from worker.gateway.api.shapes import (
    HistoryPage,
    ListQuery,
    Nothing,
    PageQuery,
    PastRollout,
    RecordQuery,
    RolloutPage,
)
from worker.rollouts import Row
from workflows.model.identity import Slot
from workflows.model.record import DecisionRecord


async def list_rollouts(call: Call[Nothing, ListQuery, Nothing]) -> Answer:
    """The newest rollout of each target that may be seen, by namespace and name."""
    query = call.query
    listed = await rollouts.listing(call.context.client, query.namespace)
    rows = [row for row in listed if call.person.may_see(row.slot) and _chosen(row, query)]
    filters = query.model_dump_json(exclude={"cursor", "limit"})
    try:
        page = page_of(rows, _key, filters=filters, cursor=query.cursor, limit=query.limit)
    except ForeignCursor as error:
        raise faults.bad_cursor(str(error)) from error
    return Answer(RolloutPage(items=page.items, next=page.cursor), link(call.request, page.cursor))


async def get_rollout(call: Call[Slot, Nothing, Nothing]) -> Answer:
    """The newest rollout of a target, running or not."""
    return of_status(await rollouts.status(call.context.client, call.place))


async def get_record(call: Call[Slot, RecordQuery, Nothing]) -> Answer:
    """What was seen, decided and done in a run, and by whom."""
    try:
        data = await records.record_of(call.context.client, call.place, call.query.run or "")
    except records.UnreadableRecord as error:
        raise problems.conflict(str(error)) from error
    return Answer(DecisionRecord.model_validate(data))


async def get_history(call: Call[Slot, PageQuery, Nothing]) -> Answer:
    """How the rollouts of a target ended, the newest first."""
    past = await pasts(call.context, call.place)
    query = call.query
    rows = [
        PastRollout.model_validate({**dict(each), "seconds": each.ended_at - each.started_at})
        for each in past
    ]
    try:
        page: Page[PastRollout] = page_of(
            rows, _age, filters=call.place.workflow_id, cursor=query.cursor, limit=query.limit
        )
    except ForeignCursor as error:
        raise faults.bad_cursor(str(error)) from error
    return Answer(HistoryPage(items=page.items, next=page.cursor), link(call.request, page.cursor))


def link(request: Request, cursor: str | None) -> dict[str, str]:
    """The `Link` header of a page (RFC 8288)."""
    if cursor is None:
        return {}
    url = request.url.include_query_params(cursor=cursor)
    return {"link": f'<{url.path}?{url.query}>; rel="next"'}


def _chosen(row: Row, query: ListQuery) -> bool:
    return all(_choices(row, query))


def _choices(row: Row, query: ListQuery) -> Iterator[bool]:
    yield not query.phase or row.phase in query.phase
    yield not query.strategy or row.strategy in query.strategy
    yield query.waiting is None or row.awaiting_approval is query.waiting


def _key(row: Row) -> str:
    return row.slot.workflow_id


def _age(past: PastRollout) -> str:
    """Sorts the newest first, and never changes: milliseconds until the year 2286."""
    return f"{10_000_000_000_000 - round(past.ended_at * 1000):014d}"
