"""One hook call: what is sent, what counts as yes, and what is tried again."""

import asyncio
import json

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from activities.hooking.caller import BODY_LIMIT, Envelope, idempotency_keys, open_hook_caller
from activities.hooking.retries import asked_pause, pause_before_next
from tests.activities.hooks.conftest import Impatient
from tests.fakes_observe import HookReceiver, a_hook
from workflows.errors import Reason
from workflows.model.hook import HookAnswer, HookType

ENVELOPE = Envelope(name="shop", namespace="default", phase="Progressing", checksum="c")


async def test_the_payload_is_flaggers(impatient: Impatient, receiver: HookReceiver) -> None:
    await impatient.caller.call(a_hook(receiver.at("/h")), ENVELOPE, "run/step/1/h")
    (got,) = receiver.received
    assert got.payload == {
        "name": "shop",
        "namespace": "default",
        "phase": "Progressing",
        "checksum": "c",
    }
    assert got.headers["Content-Type"] == "application/json"
    assert got.key == "run/step/1/h"


async def test_an_envelopes_metadata_wins_over_the_hooks(
    impatient: Impatient, receiver: HookReceiver
) -> None:
    hook = a_hook(receiver.at("/h")).model_copy(update={"metadata": {"a": "hook", "b": "hook"}})
    envelope = ENVELOPE.model_copy(update={"metadata": {"a": "event"}})
    await impatient.caller.call(hook, envelope, "k")
    assert receiver.received[0].payload["metadata"] == {"a": "event", "b": "hook"}


async def test_no_connection_is_used_twice(receiver: HookReceiver) -> None:
    async with open_hook_caller() as hooks:
        for _ in range(3):
            assert (await hooks.call(a_hook(receiver.url + "/h"), ENVELOPE, "k")).ok
    assert len({request.port for request in receiver.received}) == 3


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
async def test_every_2xx_is_yes(impatient: Impatient, receiver: HookReceiver, status: int) -> None:
    hook = a_hook(receiver.at("/h", web.Response(status=status)))
    answer = await impatient.caller.call(hook, ENVELOPE, "k")
    assert (answer.ok, answer.status, answer.reason) == (True, status, None)


@pytest.mark.parametrize("status", [301, 302, 303, 304, 400, 403, 404, 500, 501])
async def test_everything_else_is_no_and_says_what_came(
    impatient: Impatient, receiver: HookReceiver, status: int
) -> None:
    headers = {"Location": receiver.url + "/log-in"} if status < 304 else {}
    text = None if status == 304 else "not today"
    hook = a_hook(receiver.at("/h", web.Response(status=status, text=text, headers=headers)))
    answer = await impatient.caller.call(hook, ENVELOPE, "k")
    assert (answer.ok, answer.status, answer.reason) == (False, status, Reason.HOOK_FAILED)
    assert str(status) in answer.message
    assert [request.path for request in receiver.received] == ["/h"]


@pytest.mark.parametrize("status", [307, 308])
async def test_redirects_that_repeat_the_call_are_followed(
    impatient: Impatient, receiver: HookReceiver, status: int
) -> None:
    headers = {"Location": receiver.url + "/there"}
    hook = a_hook(receiver.at("/h", web.Response(status=status, headers=headers)))
    assert (await impatient.caller.call(hook, ENVELOPE, "k")).ok
    first, second = receiver.received
    assert (second.path, second.payload, second.key) == ("/there", first.payload, first.key)


async def test_a_circle_of_redirects_is_no(impatient: Impatient, receiver: HookReceiver) -> None:
    circle = [web.Response(status=307, headers={"Location": "/h"}) for _ in range(99)]
    answer = await impatient.caller.call(a_hook(receiver.at("/h", *circle)), ENVELOPE, "k")
    assert (answer.ok, answer.status) == (False, 307)


async def test_attempts_share_the_key_and_wait_longer_and_longer(
    impatient: Impatient, receiver: HookReceiver
) -> None:
    answers = [web.Response(status=status) for status in (500, 502, 503, 429, 504, 500)]
    hook = a_hook(receiver.at("/h", *answers)).model_copy(update={"retries": 6})
    answer = await impatient.caller.call(hook, ENVELOPE, "k")
    assert (answer.ok, answer.attempts) == (True, 7)
    assert impatient.pauses == [1, 2, 4, 8, 16, 30]
    assert receiver.keys("/h") == ["k"] * 7


async def test_retries_run_out(impatient: Impatient, receiver: HookReceiver) -> None:
    answers = [web.Response(status=500) for _ in range(9)]
    hook = a_hook(receiver.at("/h", *answers)).model_copy(update={"retries": 2})
    answer = await impatient.caller.call(hook, ENVELOPE, "k")
    assert (answer.ok, answer.attempts, len(receiver.received)) == (False, 3, 3)


@pytest.mark.parametrize("status", [400, 403, 404, 501])
async def test_an_answer_that_will_not_change_is_not_asked_for_again(
    impatient: Impatient, receiver: HookReceiver, status: int
) -> None:
    hook = a_hook(receiver.at("/h", web.Response(status=status)))
    hook = hook.model_copy(update={"retries": 5})
    assert (await impatient.caller.call(hook, ENVELOPE, "k")).attempts == 1


async def test_retry_after_is_honoured(impatient: Impatient, receiver: HookReceiver) -> None:
    busy = web.Response(status=503, headers={"Retry-After": "7"})
    hook = a_hook(receiver.at("/h", busy)).model_copy(update={"retries": 1})
    await impatient.caller.call(hook, ENVELOPE, "k")
    assert impatient.pauses == [7]


async def test_a_receiver_that_asks_for_an_hour_is_not_waited_for(
    impatient: Impatient, receiver: HookReceiver
) -> None:
    busy = web.Response(status=503, headers={"Retry-After": "3600"})
    hook = a_hook(receiver.at("/h", busy)).model_copy(update={"retries": 1})
    answer = await impatient.caller.call(hook, ENVELOPE, "k")
    assert (answer.ok, impatient.pauses) == (False, [])


async def test_nobody_there_is_tried_again_and_then_an_answer(impatient: Impatient) -> None:
    hook = a_hook("http://127.0.0.1:1/h").model_copy(update={"retries": 1})
    answer = await impatient.caller.call(hook, ENVELOPE, "k")
    assert (answer.ok, answer.status, answer.attempts) == (False, None, 2)
    assert answer.reason is Reason.HOOK_UNREACHABLE


@pytest.mark.parametrize("url", ["ftp://there/h", "no url at all", "http://[::1/h", ""])
async def test_an_impossible_address_is_an_answer(impatient: Impatient, url: str) -> None:
    answer = await impatient.caller.call(a_hook(url), ENVELOPE, "k")
    assert (answer.ok, answer.reason) == (False, Reason.HOOK_UNREACHABLE)
    assert answer.message


async def test_each_attempt_has_its_time(impatient: Impatient, receiver: HookReceiver) -> None:
    url = receiver.at("/h", asyncio.Event())
    hook = a_hook(url).model_copy(update={"timeout": 0.1, "retries": 1})
    answer = await impatient.caller.call(hook, ENVELOPE, "k")
    assert (answer.ok, answer.attempts) == (True, 2)


async def test_a_body_without_an_end_is_cut(impatient: Impatient, receiver: HookReceiver) -> None:
    hook = a_hook(receiver.at("/h", web.Response(text="ü" * 1_000_000)))
    answer = await impatient.caller.call(hook, ENVELOPE, "k")
    assert answer.body == "ü" * BODY_LIMIT


async def test_a_body_that_is_no_text_is_kept_readable(
    impatient: Impatient, receiver: HookReceiver
) -> None:
    hook = a_hook(receiver.at("/h", web.Response(body=b"\xff\xfe ok")))
    assert (await impatient.caller.call(hook, ENVELOPE, "k")).body.endswith(" ok")


names = st.text(max_size=20) | st.sampled_from(["a", "a#2", "a~2", "a/1"])


@given(st.lists(names, max_size=6), st.integers(0, 10**9))
def test_keys_are_unique_and_fit_into_a_header(hooks: list[str], tick: int) -> None:
    keyed = idempotency_keys("run", "weight 10 %\n", tick, [a_hook("u", name) for name in hooks])
    keys = [key for _, key in keyed]
    assert len(set(keys)) == len(hooks)
    assert [hook.name for hook, _ in keyed] == hooks
    assert all(key.isascii() and key.isprintable() and " " not in key for key in keys)


def test_a_plain_key_reads_as_run_step_tick_and_hook() -> None:
    ((_, key),) = idempotency_keys("run", "weight-10.4", 3, [a_hook("u", "load-test")])
    assert key == "run/weight-10.4/3/load-test"


@given(st.integers(1, 10**6))
def test_pauses_stay_between_one_and_thirty_seconds(attempts: int) -> None:
    answer = HookAnswer(name="h", type=HookType.ROLLOUT, ok=False, attempts=attempts)
    pause = pause_before_next(answer, None)
    assert pause is not None
    assert 1 <= pause <= 30


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("120", 120),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header: str | None, pause: float | None) -> None:
    assert asked_pause(header, now=10) == pause


def test_an_envelope_without_metadata_has_no_such_field() -> None:
    assert "metadata" not in json.loads(ENVELOPE.payload(a_hook("u")))
