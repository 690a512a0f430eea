"""Alerts on the real stack: what people are told, once, and never at the cost of a rollout."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from aiohttp import web
from pydantic import BaseModel

from tests.fakes_observe import HookReceiver
from tests.integration.chaos.parts import Parts
from tests.integration.manifests import a_canary, a_hook, a_policy, a_shop
from tests.integration.patience import eventually
from tests.integration.scene import RealStack, Scene, open_stack
from worker.stack.stack import WORKER
from workflows.errors import Reason
from workflows.model.manifest import Manifest, parse
from workflows.model.requests import Outcome
from workflows.model.status import Verb

INITIALIZED = "{}.default has a primary now: initialization completed."
ENOUGH = 200
"""More requests than any test makes."""
PAGE = "http://127.0.0.1:8800"


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RealStack]:
    """One whose worker knows where the gateway is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERINUS_URL", PAGE)
        async with open_stack(tmp_path_factory.mktemp("alerted")) as stack:
            yield stack


def a_chat(name: str, address: str) -> Manifest:
    """An AlertProvider as Flagger's users have it."""
    return parse(
        {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "AlertProvider",
            "metadata": {"name": name},
            "spec": {"type": "slack", "channel": "releases", "address": address},
        }
    )


def told_by(name: str, severity: str = "") -> dict[str, object]:
    entry = {"name": name, "severity": severity, "providerRef": {"name": name}}
    return {"alerts": [entry], "stepWeights": [50]}


class Attachment(BaseModel):
    text: str
    fields: tuple[dict[str, str | bool], ...]


class Message(BaseModel):
    """Flagger's body for Slack."""

    attachments: tuple[Attachment, ...]


def messages(receiver: HookReceiver, path: str) -> list[Attachment]:
    """What the chat got, in its order."""
    return [
        attachment
        for request in receiver.received
        if request.path == path
        for attachment in Message.model_validate(request.payload).attachments
    ]


def texts(receiver: HookReceiver, path: str) -> list[str]:
    return [message.text for message in messages(receiver, path)]


def fields(receiver: HookReceiver, path: str, at: int) -> dict[str, str]:
    shown = messages(receiver, path)[at].fields
    return {str(field["title"]): str(field["value"]) for field in shown}


async def test_a_bad_release_is_told_once_with_its_reason(
    scene: Scene, receiver: HookReceiver
) -> None:
    name = scene.name
    chat = a_chat(name, receiver.at("/errors"))
    canary = a_canary(name, analysis=told_by(name, "error"))
    await scene.begin(chat, canary, a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2", {"ERROR_RATE": "0.5"}))
        result = await scene.result()
    assert result.outcome is Outcome.ROLLED_BACK
    await eventually(lambda: _is(bool(texts(receiver, "/errors"))), "the chat is told")
    (text,) = texts(receiver, "/errors")
    assert text == f"Rolling back {name}.default: {result.message}"
    told = fields(receiver, "/errors", 0)
    assert told["Reason"] == result.reason
    assert {"Guard", "First failing check"} & told.keys()
    assert told["Rollout"] == f"{PAGE}/rollouts/local/default/{name}"


async def test_a_waiting_gate_tells_where_to_approve(scene: Scene, receiver: HookReceiver) -> None:
    name = scene.name
    check = f"{scene.on.ports.loadtester_url}/gate/check"
    gate = a_hook("ask", "confirm-rollout", check)
    analysis = {**told_by(name), "webhooks": [gate]}
    chat = a_chat(name, receiver.at("/all"))
    await scene.begin(chat, a_canary(name, analysis=analysis), a_shop(name, "v1"))
    await scene.apply(a_shop(name, "v2"))
    await scene.waits_at("confirm-rollout")
    waits = f"{name}.default is waiting for approval of the rollout."
    await eventually(lambda: _is(waits in texts(receiver, "/all")), "people are asked")
    told = fields(receiver, "/all", texts(receiver, "/all").index(waits))
    assert told["Approve or reject"] == f"{PAGE}/rollouts/local/default/{name}"
    assert told["Step"] == "confirm-rollout"
    await scene.answer(Verb.REJECT)
    await scene.ends(Outcome.ROLLED_BACK, Reason.REJECTED)


async def test_a_receiver_that_hangs_does_not_hold_up_the_release(
    scene: Scene, receiver: HookReceiver
) -> None:
    """The release is over while the receiver still holds its first request."""
    name = scene.name
    let_go = asyncio.Event()
    always = (let_go,) * ENOUGH
    hung = receiver.at("/hung", *always)
    events = a_hook("follow", "event", receiver.at("/events", *always))
    policy = a_policy(name, alerts=[{"name": "hung", "type": "webhook", "address": hung}])
    canary = a_canary(name, analysis={"stepWeights": [50], "webhooks": [events]})
    await scene.begin(policy, canary, a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await scene.ends(Outcome.PROMOTED)
    held = receiver.keys("/hung")
    assert {key.partition("%2F")[2] for key in held} == {"initialised", "started"}
    assert {key.rpartition("/")[2] for key in receiver.keys("/events")} == {"adopt", "started"}
    let_go.set()
    promoted = held[-1].replace("started", "promoted")
    await eventually(lambda: _is(promoted in receiver.keys("/hung")), "it is told the end")


async def test_a_restarted_worker_tells_nothing_twice(scene: Scene, receiver: HookReceiver) -> None:
    name = scene.name
    check = f"{scene.on.ports.loadtester_url}/gate/check"
    analysis = {**told_by(name), "webhooks": [a_hook("ask", "confirm-promotion", check)]}
    chat = a_chat(name, receiver.at("/all", web.Response(status=503)))
    await scene.begin(chat, a_canary(name, analysis=analysis), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await scene.waits_at("confirm-promotion")
        await eventually(lambda: _is(len(texts(receiver, "/all")) >= 3), "people are asked")
        parts = Parts(scene.on)
        await parts.take_away(WORKER)
        await parts.made_whole()
        await scene.answer(Verb.APPROVE)
        await scene.ends(Outcome.PROMOTED)
    promoted = "Canary analysis completed successfully, promotion finished."
    await eventually(lambda: _is(promoted in texts(receiver, "/all")), "the end is told")
    said = texts(receiver, "/all")
    keys = receiver.keys("/all")
    refused_once = keys[0]
    assert [key for key in keys if keys.count(key) > 1] == [refused_once] * 2, said


async def test_dead_letters_are_listed_and_sent_again(scene: Scene, receiver: HookReceiver) -> None:
    name, parts = scene.name, Parts(scene.on)
    chat = a_chat(name, receiver.at("/gone", web.Response(status=404, text="no such hook")))
    await scene.begin(chat, a_canary(name, analysis=told_by(name)), a_shop(name, "v1"))

    async def listed() -> bool:
        return name in (await parts.serinus("alerts", "--dead"))[1]

    await eventually(listed, "the dead letter is listed")
    _, printed = await parts.serinus("alerts", "--dead")
    (line,) = [line for line in printed.splitlines() if name in line]
    assert "Initialized" in line
    assert "AlertRefused" in line
    assert texts(receiver, "/gone") == [INITIALIZED.format(name)]
    code, said = await parts.serinus("alerts", "retry", line.split()[0])
    assert (code, said) == (0, "1 letter is sent again\n")
    await eventually(lambda: _is(len(texts(receiver, "/gone")) == 2), "it is sent again")

    async def gone() -> bool:
        return not await listed()

    await eventually(gone, "no dead letter is left")
    code, said = await parts.serinus("alerts", "retry", line.split()[0])
    assert code == 1
    assert "there is no dead letter" in said


async def _is(value: bool) -> bool:
    return value
