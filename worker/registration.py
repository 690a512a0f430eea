"""What a worker needs to find in its Temporal namespace; made at worker start, again and again."""

from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.common import SearchAttributeKey

from workflows import search_attributes
from workflows.janitor import Janitor, JanitorInput

JANITOR_EVERY = timedelta(seconds=60)

_TYPES: dict[type, IndexedValueType.ValueType] = {
    str: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    int: IndexedValueType.INDEXED_VALUE_TYPE_INT,
    bool: IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
}


async def missing_search_attributes(client: Client) -> list[str]:
    """The names of ours that the namespace does not know yet."""
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return [key.name for key in search_attributes.ALL if key.name not in listed.custom_attributes]


async def register_search_attributes(client: Client) -> None:
    """Before the first run: an unknown key would leave workflows retrying their tasks."""
    missing = await missing_search_attributes(client)
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={
                    key.name: _type_of(key) for key in search_attributes.ALL if key.name in missing
                },
            )
        )


async def schedule_janitor(client: Client, cluster: str, queue: str) -> None:
    """One janitor a cluster; it looks every minute, never twice at a time."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            Janitor.run,
            JanitorInput(cluster=cluster),
            id=f"janitor/{cluster}",
            task_queue=queue,
            static_summary=f"restore what terminated rollouts on {cluster} left behind",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=JANITOR_EVERY)]),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(seconds=10)
        ),
    )
    try:
        await client.create_schedule(f"janitor/{cluster}", schedule)
    except ScheduleAlreadyRunningError:
        return


def _type_of(
    key: SearchAttributeKey[str] | SearchAttributeKey[int] | SearchAttributeKey[bool],
) -> IndexedValueType.ValueType:
    return _TYPES[key.origin_value_type]
