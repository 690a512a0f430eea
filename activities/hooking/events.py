"""Event hooks: Flagger's JSON about everything that happens, to whoever wants to follow along.

Called by the `Announcer`, never by the rollout itself: a slow receiver delays nothing.
"""

from temporalio import activity

from activities.hooking.caller import Envelope, HookCaller
from workflows.contracts import Hooking
from workflows.errors import Reason, failure
from workflows.model.announcement import Event, SendEvent
from workflows.model.hook import HookAnswer


class EventCalls(Hooking):
    """`hooks.event` by HTTP; the same on every platform."""

    def __init__(self, hooks: HookCaller) -> None:
        self._hooks = hooks

    @activity.defn(name="hooks.event")
    async def event(self, request: SendEvent) -> None:
        """Once; its retries are Temporal's, whatever the hook says of its own."""
        event, slot = request.event, request.slot
        envelope = Envelope(
            name=slot.name,
            namespace=slot.namespace,
            phase=event.phase,
            checksum=request.checksum,
            metadata=metadata_of(event),
        )
        once = request.hook.model_copy(update={"retries": 0})
        answer = await self._hooks.call(once, envelope, event.key)
        if not answer.ok:
            raise _failed(answer)


def metadata_of(event: Event) -> dict[str, str]:
    """Flagger's three; the timestamp is milliseconds since 1970."""
    return {
        "eventMessage": event.message,
        "eventType": "Warning" if event.warning else "Normal",
        "timestamp": str(int(event.at * 1_000)),
    }


def _failed(answer: HookAnswer) -> Exception:
    status = answer.status
    passes = status is None or status in (408, 425, 429) or status >= 500
    reason = Reason.RECEIVER_DOWN if passes else Reason.ALERT_REFUSED
    return failure(reason, answer.message, retryable=passes)
