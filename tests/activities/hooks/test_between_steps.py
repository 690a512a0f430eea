"""Post-rollout hooks and undo hooks."""

import dataclasses

import pytest
from aiohttp import web
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.hooking.calls import HookCalls
from tests.activities.hooks.conftest import Impatient
from tests.fakes_observe import FENCE, SLOT, HookReceiver, a_hook
from workflows.errors import Reason
from workflows.model.hook import Hook, HookType
from workflows.model.plan import UndoHook
from workflows.model.requests import CallHooks, CallUndo, HookAnswers


def calls_of(*hooks: Hook) -> CallHooks:
    return CallHooks(
        slot=SLOT, fence=FENCE, revision="v2", hooks=hooks, phase="Succeeded", step="post"
    )


def named(receiver: HookReceiver, *names: str) -> list[Hook]:
    return [a_hook(receiver.url + "/" + name, name, HookType.POST_ROLLOUT) for name in names]


async def test_hooks_are_called_in_order(impatient: Impatient, receiver: HookReceiver) -> None:
    activities = HookCalls(impatient.caller)
    answers = await ActivityEnvironment().run(
        activities.call, calls_of(*named(receiver, "a", "b", "c"))
    )
    assert [request.path for request in receiver.received] == ["/a", "/b", "/c"]
    assert [answer.ok for answer in answers.answers] == [True] * 3
    assert receiver.received[0].payload["phase"] == "Succeeded"
    assert receiver.keys("/a") == ["run-1/post.7/0/a"]


async def test_a_failing_hook_is_an_answer_and_stops_the_rest(
    impatient: Impatient, receiver: HookReceiver
) -> None:
    hooks = named(receiver, "a", "b", "c")
    receiver.at("/b", web.Response(status=500))
    answers = await ActivityEnvironment().run(HookCalls(impatient.caller).call, calls_of(*hooks))
    assert [answer.ok for answer in answers.answers] == [True, False]
    assert [request.path for request in receiver.received] == ["/a", "/b"]


async def test_the_next_worker_does_not_call_answered_hooks_again(
    impatient: Impatient, receiver: HookReceiver
) -> None:
    env = ActivityEnvironment()
    beats: list[HookAnswers] = []
    env.on_heartbeat = beats.append
    request = calls_of(*named(receiver, "a", "b", "c"))
    await env.run(HookCalls(impatient.caller).call, request)
    after_two = next(beat for beat in beats if len(beat.answers) == 2)
    env.info = dataclasses.replace(env.info, heartbeat_details=[after_two.model_dump(mode="json")])
    answers = await env.run(HookCalls(impatient.caller).call, request)
    assert len(answers.answers) == 3
    assert [request.path for request in receiver.received] == ["/a", "/b", "/c", "/c"]


async def test_an_undo_is_owed_until_it_says_yes(
    impatient: Impatient, receiver: HookReceiver
) -> None:
    owed = UndoHook(
        name="drop-column",
        after="weight 10",
        url=receiver.at("/undo", web.Response(status=404)),
        metadata={"table": "orders"},
    )
    request = CallUndo(slot=SLOT, fence=FENCE, revision="v2", undo=owed)
    activities = HookCalls(impatient.caller)
    with pytest.raises(ApplicationError, match="drop-column") as raised:
        await ActivityEnvironment().run(activities.undo, request)
    assert (raised.value.type, raised.value.non_retryable) == (Reason.HOOK_FAILED, False)
    answers = await ActivityEnvironment().run(activities.undo, request)
    assert [answer.ok for answer in answers.answers] == [True]
    first, again = receiver.received
    assert first.payload["metadata"] == {"table": "orders"}
    assert first.key == again.key
