"""Holding a rollout after each of its weights, as a person with `pause` and `resume` would."""

from collections.abc import AsyncGenerator

from temporalio.client import Client

from tests.cluster.session import until
from worker import rollouts
from workflows.model.decisions import Order
from workflows.model.identity import Slot
from workflows.model.status import RolloutStatus, StepState, Verb

BY = Order(by="ana", reason="count its users")


async def each_weight(client: Client, slot: Slot) -> AsyncGenerator[int]:
    """Each weight of a running release, while it is held; the release goes on after the last."""
    await until(lambda: _may_pause(client, slot), f"{slot.key} has a plan", 60)
    await rollouts.tell(client, slot, Verb.PAUSE, BY)
    while True:
        status = await held(client, slot)
        if status.routes.canary:
            yield status.routes.canary
        await rollouts.tell(client, slot, Verb.RESUME, BY)
        if status.steps[status.position].kind == "promote":
            return
        await rollouts.tell(client, slot, Verb.PAUSE, BY)


async def _may_pause(client: Client, slot: Slot) -> bool:
    return Verb.PAUSE in (await rollouts.status(client, slot)).allowed


async def held(client: Client, slot: Slot) -> RolloutStatus:
    """The status of a paused rollout whose step is done and whose next has not begun."""
    seen: list[RolloutStatus] = []

    async def is_held() -> bool:
        seen.append(await rollouts.status(client, slot))
        status = seen[-1]
        return status.paused and status.steps[status.position].state is StepState.NEXT

    await until(is_held, f"{slot.key} is held", 60)
    return seen[-1]
