"""Hands orders to Temporal, once for each delivery, however often it comes.

That Temporal has taken a delivery and that it is known again are one write: the id of its
workflow. So nothing is lost and nothing is done twice when a gateway dies between the two, and
any number of gateways share the memory.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from worker.rollouts import QUEUE, NoAnswer
from workflows import policies
from workflows.model.delivery import Delivered, DeliveryInput

WORKFLOW = "Delivery"
START_WITHIN = timedelta(seconds=4)
"""Flux gives up after fifteen seconds, with all its tries."""
ANSWER_WITHIN = 2.0


class State(StrEnum):
    """What became of an order when the sender is answered."""

    ACCEPTED = "accepted"
    TOLD = "told"
    NOT_TOLD = "not-told"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Handed:
    """One order, and what is known of it by now."""

    order: DeliveryInput
    state: State
    words: str = ""


class Deliveries:
    """Starts the workflow of an order; NoAnswer while Temporal is down."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def hand_over(self, order: DeliveryInput) -> Handed:
        """Answers when Temporal has the order, or has had it before."""
        try:
            handle = await self._start(order)
        except WorkflowAlreadyStartedError:
            return Handed(order, State.DUPLICATE, "this delivery came before")
        except RPCError as error:
            raise NoAnswer("Temporal does not take deliveries now") from error
        return await _outcome(order, handle)

    async def _start(self, order: DeliveryInput) -> WorkflowHandle[object, object]:
        return await self._client.start_workflow(
            WORKFLOW,
            order,
            id=order.workflow_id,
            task_queue=QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=f"{order.action} {order.slot.key}: {order.by}",
            static_details=order.reason,
            priority=policies.ORDINARY,
            rpc_timeout=START_WITHIN,
            result_type=Delivered,
        )


async def _outcome(order: DeliveryInput, handle: WorkflowHandle[object, object]) -> Handed:
    """What became of it, if that is known in a moment; it is accepted in any case."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            found = await handle.result()
    except (TimeoutError, RPCError, WorkflowFailureError):
        return Handed(order, State.ACCEPTED)
    if not isinstance(found, Delivered):
        raise AssertionError(type(found))
    return Handed(order, State.TOLD if found.told else State.NOT_TOLD, found.words)


def is_known(handed: Sequence[Handed]) -> bool:
    """Whether all of a delivery came before."""
    return bool(handed) and all(each.state is State.DUPLICATE for each in handed)
