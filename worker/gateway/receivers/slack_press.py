"""A press of a button in Slack: that Slack sent it, and what it says. Pure.

Used by `worker.gateway.receivers.slack`; the buttons are made in `workflows.model.buttons`.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qs

from pydantic import Field, JsonValue, ValidationError

from worker.gateway.receivers.event import Sent, Unreadable, unreadable
from workflows.model.buttons import ACTIONS, Gate
from workflows.model.status import Verb

SIGNATURE = "x-slack-signature"
TIMESTAMP = "x-slack-request-timestamp"
WINDOW = 300.0
"""Seconds after which, or before which, a request is refused, as Slack asks."""


class SlackUser(Sent):
    """Who pressed; names can be changed, the id cannot."""

    id: str = Field(min_length=1)


class SlackAction(Sent):
    """The button."""

    action_id: str = Field(alias="action_id", default="")
    value: str = ""


class SlackPayload(Sent):
    """What Slack posts when somebody uses a message."""

    type: str
    user: SlackUser
    actions: tuple[SlackAction, ...] = ()
    response_url: str = Field(alias="response_url", default="")


@dataclass(frozen=True, slots=True)
class Press:
    """Who pressed what, and where the answer goes."""

    user: str
    verb: Verb
    gate: Gate
    response_url: str


def is_from_slack(secret: bytes, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether `v0` signature and time are right; header names in lower case."""
    stamp, given = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
    made = slack_signature(secret, stamp, body)
    fresh = stamp.isascii() and stamp.isdecimal() and abs(now - int(stamp[:12])) <= WINDOW
    return hmac.compare_digest(made.encode(), given.encode()) and fresh


def slack_signature(secret: bytes, stamp: str, body: bytes) -> str:
    """The value of `X-Slack-Signature`."""
    mac = hmac.new(secret, b"v0:" + stamp.encode() + b":" + body, sha256)
    return f"v0={mac.hexdigest()}"


def read_press(body: bytes) -> Press | None:
    """The press of one of our buttons; None for whatever else people do in a message."""
    payload = _payload(body)
    for action in payload.actions:
        if payload.type == "block_actions" and action.action_id in ACTIONS:
            gate = _gate(action.value)
            return Press(payload.user.id, ACTIONS[action.action_id], gate, payload.response_url)
    return None


def said(text: str) -> dict[str, JsonValue]:
    """A message that only the one who pressed sees."""
    return {"response_type": "ephemeral", "replace_original": False, "text": text}


def _payload(body: bytes) -> SlackPayload:
    form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    try:
        return SlackPayload.model_validate(json.loads(form.get("payload", [""])[0]))
    except ValidationError as error:
        raise unreadable(error) from error
    except ValueError as error:
        raise Unreadable("the form has no payload that is JSON", status=400) from error


def _gate(value: str) -> Gate:
    try:
        return Gate.model_validate_json(value)
    except ValidationError as error:
        raise unreadable(error) from error
