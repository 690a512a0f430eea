"""A lane: what one receiver is to get, in its order, at its own pace.

Owned by `workflows.telling.announce`, one a receiver. An item that is refused for good, or not
taken for an hour, perishes; the next one goes on.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from workflows import policies
from workflows.contracts import Alerting, Hooking
from workflows.errors import Reason, bounded, reason_of
from workflows.model.alert import AlertRoute
from workflows.model.announcement import Announce, Item, SendAlert, SendEvent
from workflows.model.hook import Hook
from workflows.model.identity import Slot

Perish = Callable[["Lane", Item, ActivityError], None]
EVENT_HOOK = "event-hook"


def announce_queue_of(cluster: str) -> str:
    """Slow receivers have a queue of their own, so that they never hold up a write."""
    return f"rollouts-{cluster}-announce"


def letter_id(start: Announce, receiver: str, item: Item) -> str:
    """Short, and the same whenever the same item dies again."""
    return sha256(f"{start.run_id} {receiver} {item.key}".encode()).hexdigest()[:10]


@dataclass
class Lane:
    """`busy` while there is something left to send."""

    name: str
    slot: Slot
    run_id: str
    checksum: str
    to: AlertRoute | Hook
    perish: Perish
    arrive: Callable[[], None]
    queue: deque[Item] = field(default_factory=deque[Item])
    sending: Item | None = None
    stopped: bool = False

    @property
    def busy(self) -> bool:
        return bool(self.queue) or self.sending is not None

    @property
    def kind(self) -> str:
        """What sort of receiver this is, for metrics."""
        return self.to.kind if isinstance(self.to, AlertRoute) else EVENT_HOOK

    def wants(self, item: Item) -> bool:
        """Alerts by severity, events for hooks."""
        if isinstance(self.to, Hook):
            return item.event is not None
        return item.alert is not None and item.alert.severity.reaches(self.to.severity)

    def left(self) -> Iterator[Item]:
        """What has not arrived; the one under way counts."""
        if self.sending is not None:
            yield self.sending
        yield from self.queue

    def stop(self) -> None:
        """Begin nothing new."""
        self.stopped = True

    async def work(self) -> None:
        """Send one after the other until stopped."""
        while True:
            await workflow.wait_condition(lambda: self.stopped or bool(self.queue))
            if self.stopped:
                return
            self.sending = self.queue.popleft()
            try:
                await self._send(self.sending)
                self.arrive()
            except ActivityError as error:
                self.perish(self, self.sending, error)
            self.sending = None

    def why(self, error: ActivityError) -> tuple[Reason, str]:
        """What the last attempt said."""
        cause = error.cause
        if isinstance(cause, ApplicationError):
            return reason_of(cause), bounded(cause.message)
        return Reason.RECEIVER_DOWN, f"no attempt came to its end: {cause or error}"

    async def _send(self, item: Item) -> None:
        if isinstance(self.to, Hook):
            await self._tell_hook(self.to, item)
        elif item.alert is not None:
            await workflow.execute_activity_method(
                Alerting.send,
                SendAlert(alert=item.alert, route=self.to),
                task_queue=announce_queue_of(self.slot.cluster),
                start_to_close_timeout=policies.SEND_TIMEOUT,
                schedule_to_close_timeout=policies.GIVE_UP_AFTER,
                retry_policy=policies.SEND_RETRY,
                summary=f"{item.alert.state} to {self.name}",
            )

    async def _tell_hook(self, hook: Hook, item: Item) -> None:
        if item.event is None:
            return
        await workflow.execute_activity_method(
            Hooking.event,
            SendEvent(
                slot=self.slot,
                run_id=self.run_id,
                hook=hook,
                event=item.event,
                checksum=self.checksum,
            ),
            task_queue=announce_queue_of(self.slot.cluster),
            start_to_close_timeout=timedelta(seconds=hook.timeout) + policies.UNDO_GRACE,
            schedule_to_close_timeout=policies.GIVE_UP_AFTER,
            retry_policy=policies.SEND_RETRY,
            summary=f"event to {self.name}",
        )


def lanes_of(start: Announce, perish: Perish, arrive: Callable[[], None]) -> Mapping[str, Lane]:
    """One a receiver; receivers of the same name are told apart by a number."""
    receivers: tuple[AlertRoute | Hook, ...] = (*start.routes, *start.hooks)
    lanes: dict[str, Lane] = {}
    for to in receivers:
        sort = "alert" if isinstance(to, AlertRoute) else EVENT_HOOK
        name = _unused(f"{sort} {to.name}", lanes)
        lanes[name] = Lane(name, start.slot, start.run_id, start.checksum, to, perish, arrive)
    return lanes


def _unused(name: str, taken: Mapping[str, Lane]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name} #{number}"
    return found
