"""A storm of events about one target becomes one look a second.

Only for `submit`: to look again is harmless, so events that wait for the same look may share it.
Every one of them is answered when Temporal has the look that came after it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from worker.gateway.receivers.deliveries import Handed
from worker.gateway.receivers.event import digest
from workflows.model.delivery import DeliveryInput
from workflows.model.identity import Slot
from workflows.model.trigger import TriggerAction

SPACING = 1.0
HandOver = Callable[[DeliveryInput], Awaitable[Handed]]
Clock = Callable[[], float]


@dataclass
class _Batch:
    first: DeliveryInput
    ids: set[str] = field(default_factory=set[str])
    task: "asyncio.Task[Handed] | None" = None

    def order(self) -> DeliveryInput:
        """The order of all; one alone keeps its id, so that it is known when it comes again."""
        if len(self.ids) == 1:
            return self.first
        joined = digest(*(each.encode() for each in sorted(self.ids)))
        reason = f"{self.first.reason} (and {len(self.ids) - 1} more events)"
        return self.first.model_copy(update={"id": joined, "reason": reason})


class Coalescer:
    """In front of `hand_over`; one for a gateway. `clock` counts seconds."""

    def __init__(self, hand_over: HandOver, clock: Clock, spacing: float = SPACING) -> None:
        self._hand_over = hand_over
        self._clock = clock
        self._spacing = spacing
        self._waiting: dict[Slot, _Batch] = {}
        self._next: dict[Slot, float] = {}

    async def __call__(self, order: DeliveryInput) -> Handed:
        """Hand over an order, alone or with those that wait for the same."""
        if order.action is not TriggerAction.SUBMIT:
            return await self._hand_over(order)
        batch = self._waiting.get(order.slot)
        if batch is None:
            batch = self._waiting[order.slot] = _Batch(order)
            batch.task = asyncio.create_task(self._send(batch))
            batch.task.add_done_callback(_retrieved)
        batch.ids.add(order.id)
        if batch.task is None:
            raise AssertionError("a batch without its task")
        # A sender that goes away must not take the others' look with it.
        return await asyncio.shield(batch.task)

    async def _send(self, batch: _Batch) -> Handed:
        slot = batch.first.slot
        pause = self._next.get(slot, 0.0) - self._clock()
        if pause > 0:
            await asyncio.sleep(pause)
        del self._waiting[slot]
        now = self._clock()
        self._next = {each: at for each, at in self._next.items() if at > now}
        self._next[slot] = now + self._spacing
        return await self._hand_over(batch.order())


def _retrieved(task: "asyncio.Task[Handed]") -> None:
    """Every sender may be gone; the error was theirs to hear."""
    if not task.cancelled():
        task.exception()
