"""What each receiver gets on the wire, field by field."""

import pytest
from pydantic import JsonValue

from activities.alerts.registry import CHANNELS
from tests.activities.alerts.alerts import (
    AT,
    a_route,
    promoted,
    rolled_back,
    started,
    waiting,
)
from tests.activities.alerts.conftest import Secrets, Sender
from tests.activities.alerts.receiver import Receiver
from workflows.model.alert import Alert, Channel
from workflows.model.measurement import SecretRef

PAGE = "https://serinus.test/rollouts/east/test/podinfo"
TEXT = "Rolling back podinfo.test: request-success-rate is 81, wanted at least 99"
STARTED = "New revision of podinfo.test detected, starting canary analysis."
CHATS = (Channel.SLACK, Channel.MSTEAMS, Channel.DISCORD, Channel.ROCKET, Channel.GCHAT)
IN = SecretRef(namespace="test", name="on-call")


def flaggers_attachment(colour: str) -> JsonValue:
    return {
        "channel": "releases",
        "username": "flagger",
        "icon_url": "",
        "icon_emoji": ":rocket:",
        "attachments": [
            {
                "color": colour,
                "author_name": "podinfo.test",
                "text": TEXT,
                "mrkdwn_in": ["text"],
                "fields": [
                    {"title": "Cluster", "value": "east", "short": False},
                    {"title": "Failed checks", "value": "3 of 3", "short": False},
                ],
            }
        ],
    }


def test_every_channel_is_registered() -> None:
    assert set(CHANNELS) == set(Channel)


@pytest.mark.parametrize(
    ("kind", "path", "colour"),
    [
        (Channel.SLACK, "/hook?a=b", "danger"),
        (Channel.DISCORD, "/hook/slack?a=b", "danger"),
        (Channel.ROCKET, "/hook?a=b", "#FF0000"),
    ],
)
async def test_an_error_in_flaggers_attachment(
    send: Sender, receiver: Receiver, kind: Channel, path: str, colour: str
) -> None:
    route = a_route(kind, f"{receiver.url}/hook?a=b", channel="releases", username="flagger")
    await send(rolled_back(), route)
    (got,) = receiver.got
    assert got.path == path
    assert got.headers["Content-Type"] == "application/json"
    assert "Authorization" not in got.headers
    assert got.body == flaggers_attachment(colour)


@pytest.mark.parametrize(
    ("kind", "colour"),
    [(Channel.SLACK, "good"), (Channel.DISCORD, "good"), (Channel.ROCKET, "#0076D7")],
)
@pytest.mark.parametrize("alert", [started(), waiting()])
async def test_only_errors_are_red(
    send: Sender, receiver: Receiver, kind: Channel, colour: str, alert: Alert
) -> None:
    await send(alert, a_route(kind, receiver.url))
    assert isinstance(receiver.body, dict)
    attachments = receiver.body["attachments"]
    assert isinstance(attachments, list)
    assert isinstance(attachments[0], dict)
    assert attachments[0]["color"] == colour


async def test_discord_keeps_a_path_that_is_slacks_already(
    send: Sender, receiver: Receiver
) -> None:
    await send(rolled_back(), a_route(Channel.DISCORD, f"{receiver.url}/hook/slack"))
    assert receiver.got[0].path == "/hook/slack"


async def test_slack_gets_a_token_and_the_address_of_the_secret(
    send: Sender, receiver: Receiver, secrets: Secrets
) -> None:
    secrets.kept["test/on-call"] = {"address": f"{receiver.url}/api", "token": "xoxb-1"}
    await send(rolled_back(), a_route(Channel.SLACK, "http://127.0.0.1:9/", secret=IN))
    (got,) = receiver.got
    assert (got.path, got.headers["Authorization"]) == ("/api", "Bearer xoxb-1")


async def test_slack_gets_buttons_at_a_gate_that_has_a_page(
    linking: Sender, receiver: Receiver
) -> None:
    await linking(waiting(), a_route(Channel.SLACK, receiver.url))
    assert isinstance(receiver.body, dict)
    blocks = receiver.body["blocks"]
    assert isinstance(blocks, list)
    (block,) = blocks
    assert isinstance(block, dict)
    elements = block["elements"]
    assert isinstance(elements, list)
    names = [element["action_id"] for element in elements if isinstance(element, dict)]
    assert names == ["serinus.approve", "serinus.reject"]


async def test_teams_legacy_card_is_flaggers(send: Sender, receiver: Receiver) -> None:
    await send(rolled_back(), a_route(Channel.MSTEAMS, receiver.url, channel="general"))
    assert receiver.body == {
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": "FF0000",
        "summary": "podinfo.test",
        "sections": [
            {
                "activityTitle": TEXT,
                "activitySubtitle": "podinfo.test",
                "facts": [
                    {"name": "Cluster", "value": "east"},
                    {"name": "Failed checks", "value": "3 of 3"},
                ],
            }
        ],
    }


async def test_teams_workflow_gets_an_adaptive_card_that_opens_the_page(
    linking: Sender, receiver: Receiver
) -> None:
    await linking(waiting(), a_route(Channel.MSTEAMS, receiver.url, channel="adaptive-card"))
    title = "Waiting for approval: podinfo.test"
    assert receiver.body == {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": [
                        {"type": "TextBlock", "text": title, "weight": "Bolder",
                         "size": "Medium", "color": "Default", "wrap": True},
                        {"type": "TextBlock", "wrap": True,
                         "text": "podinfo.test is waiting for approval of the promotion."},
                        {"type": "FactSet",
                         "facts": [{"title": "Step", "value": "confirm-promotion"}]},
                    ],
                    "actions": [
                        {"type": "Action.OpenUrl", "title": "Approve or reject", "url": PAGE}
                    ],
                },
            }
        ],
    }  # fmt: skip


async def test_google_chat_is_flaggers(send: Sender, receiver: Receiver) -> None:
    await send(rolled_back(), a_route(Channel.GCHAT, receiver.url, username="flagger"))
    assert isinstance(receiver.body, dict)
    cards = receiver.body["cards"]
    assert isinstance(cards, list)
    (card,) = cards
    assert isinstance(card, dict)
    header = card["header"]
    assert isinstance(header, dict)
    assert set(header) == {"title", "subtitle", "imageUrl"}
    assert (header["title"], header["subtitle"]) == ("Flagger", "podinfo.test")
    assert card["sections"] == [
        {
            "widgets": [
                {"textParagraph": {"text": TEXT}},
                {"textParagraph": {"text": "Cluster: east"}},
                {"textParagraph": {"text": "Failed checks: 3 of 3"}},
            ]
        }
    ]


@pytest.mark.parametrize("kind", CHATS)
async def test_chats_are_not_told_that_a_gate_is_open(
    send: Sender, receiver: Receiver, kind: Channel
) -> None:
    await send(waiting(resolved=True), a_route(kind, receiver.url))
    assert receiver.got == []


async def test_pagerduty_is_one_incident_a_rollout(
    linking: Sender, receiver: Receiver, secrets: Secrets
) -> None:
    secrets.kept["test/on-call"] = {"address": f"{receiver.url}/v2/enqueue", "token": "R1"}
    route = a_route(Channel.PAGERDUTY, secret=IN)
    for alert in (started(), waiting(), waiting(resolved=True), rolled_back(), promoted()):
        await linking(alert, route)
    bodies = [got.body for got in receiver.got if isinstance(got.body, dict)]
    assert [body["event_action"] for body in bodies] == [
        "trigger", "resolve", "trigger", "resolve"
    ]  # fmt: skip
    assert {str(body["dedup_key"]) for body in bodies} == {"rollout/east/test/podinfo/run-1"}
    assert bodies[2] == {
        "routing_key": "R1",
        "dedup_key": "rollout/east/test/podinfo/run-1",
        "event_action": "trigger",
        "client": "Serinus",
        "client_url": PAGE,
        "links": [{"href": PAGE, "text": "Rollout"}],
        "payload": {
            "summary": TEXT,
            "source": "rollout/east/test/podinfo",
            "severity": "error",
            "timestamp": "2026-01-01T00:00:00+00:00",
            "component": "podinfo",
            "group": "test",
            "class": "rolled-back",
            "custom_details": {"Cluster": "east", "Failed checks": "3 of 3"},
        },
    }


async def test_alertmanager_is_told_until_when_it_holds(send: Sender, receiver: Receiver) -> None:
    await send(rolled_back(), a_route(Channel.ALERTMANAGER, receiver.url))
    assert receiver.got[0].path == "/api/v2/alerts"
    assert receiver.body == [
        {
            "labels": {
                "alertname": "SerinusRolledBack",
                "severity": "error",
                "cluster": "east",
                "namespace": "test",
                "rollout": "podinfo",
                "run": "run-1",
            },
            "annotations": {
                "summary": "Rolled back: podinfo.test",
                "description": f"{TEXT}\nCluster: east\nFailed checks: 3 of 3",
            },
            "startsAt": "2026-01-01T00:00:00+00:00",
            "endsAt": "2026-01-02T00:00:00+00:00",
            "generatorURL": "",
        }
    ]


async def test_alertmanager_knows_the_end_of_a_gate_by_the_same_labels(
    send: Sender, receiver: Receiver
) -> None:
    route = a_route(Channel.ALERTMANAGER, f"{receiver.url}/prefix/")
    await send(waiting(until=AT + 60), route)
    await send(waiting(resolved=True, at=AT + 30, facts=()), route)
    (begun,), (over,) = (got.body for got in receiver.got if isinstance(got.body, list))
    assert isinstance(begun, dict)
    assert isinstance(over, dict)
    assert {got.path for got in receiver.got} == {"/prefix/api/v2/alerts"}
    assert begun["labels"] == over["labels"]
    assert begun["endsAt"] == "2026-01-01T00:01:00+00:00"
    assert over["endsAt"] == over["startsAt"] == "2026-01-01T00:00:30+00:00"


async def test_a_program_gets_everything(
    linking: Sender, receiver: Receiver, secrets: Secrets
) -> None:
    secrets.kept["test/on-call"] = {"token": "T"}
    route = a_route(Channel.WEBHOOK, receiver.url, secret=IN)
    await linking(rolled_back(), route)
    (got,) = receiver.got
    assert got.headers["Authorization"] == "Bearer T"
    assert got.headers["Idempotency-Key"] == "run-1%2Frolled-back"
    assert got.body == {
        "version": "serinus.dev/alert/v1",
        "key": "run-1/rolled-back",
        "status": "firing",
        "state": "rolled-back",
        "severity": "error",
        "at": "2026-01-01T00:00:00+00:00",
        "cluster": "east",
        "namespace": "test",
        "name": "podinfo",
        "workflowId": "rollout/east/test/podinfo",
        "runId": "run-1",
        "revision": "6f2c",
        "phase": "RollingBack",
        "reason": "FailedChecksThresholdReached",
        "step": "",
        "title": "Rolled back: podinfo.test",
        "text": TEXT,
        "facts": [
            {"name": "Cluster", "value": "east"},
            {"name": "Failed checks", "value": "3 of 3"},
        ],
        "link": PAGE,
        "route": "on-call",
    }
