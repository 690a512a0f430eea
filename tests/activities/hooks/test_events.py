"""Event hooks: Flagger's body, and what their receivers answer."""

from collections.abc import AsyncGenerator

import pytest
from aiohttp import web
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.hooking.caller import HookCaller, open_hook_caller
from activities.hooking.events import EventCalls
from tests.fakes_observe import HookReceiver
from workflows.errors import Reason
from workflows.model.announcement import Event, SendEvent
from workflows.model.hook import Hook, HookType
from workflows.model.identity import Slot

EVENT = Event(key="run-1/event/restore", at=1_767_225_600.25, phase="Progressing",
              message="Rolling back podinfo.test", warning=True)  # fmt: skip


@pytest.fixture
async def caller() -> AsyncGenerator[HookCaller]:
    async with open_hook_caller() as caller:
        yield caller


async def tell(caller: HookCaller, url: str, **more: object) -> None:
    hook = Hook.model_validate({"name": "follow", "type": HookType.EVENT, "url": url, **more})
    request = SendEvent(slot=Slot(namespace="test", name="podinfo"), run_id="run-1", hook=hook,
                        event=EVENT, checksum="abc")  # fmt: skip
    await ActivityEnvironment().run(EventCalls(caller).event, request)


async def test_the_body_is_flaggers(caller: HookCaller, receiver: HookReceiver) -> None:
    url = receiver.at("/events")
    await tell(caller, url, metadata={"team": "shop", "eventType": "mine"})
    (got,) = receiver.received
    assert got.payload == {
        "name": "podinfo",
        "namespace": "test",
        "phase": "Progressing",
        "checksum": "abc",
        "metadata": {
            "team": "shop",
            "eventMessage": "Rolling back podinfo.test",
            "eventType": "Warning",
            "timestamp": "1767225600250",
        },
    }
    assert got.key == "run-1/event/restore"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(503, Reason.RECEIVER_DOWN), (429, Reason.RECEIVER_DOWN), (404, Reason.ALERT_REFUSED)],
)
async def test_one_call_and_its_answer_decides(
    caller: HookCaller, receiver: HookReceiver, status: int, reason: Reason
) -> None:
    """Retries of the hook itself would hold up the events behind it."""
    url = receiver.at("/events", web.Response(status=status))
    with pytest.raises(ApplicationError) as caught:
        await tell(caller, url, retries=5)
    assert (caught.value.type, caught.value.non_retryable) == (
        reason, reason is Reason.ALERT_REFUSED
    )  # fmt: skip
    assert len(receiver.received) == 1
