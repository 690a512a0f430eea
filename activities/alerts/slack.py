"""Slack, and the chats that understand its attachments, in Flagger's body.

At a gate with a page there are buttons under it: `worker.gateway.receivers.slack` hears them.
"""

from pydantic import BaseModel, JsonValue

from activities.alerts.message import Address, Post, bearer, is_error, lines_of, name_of
from workflows.model.alert import Alert, AlertRoute
from workflows.model.buttons import Gate, buttons_block

GOOD, DANGER = "good", "danger"
CHANNEL, USERNAME = "general", "serinus"


class _Answer(BaseModel):
    """What Slack's API says."""

    ok: bool
    error: str = "no reason"


def slack(alert: Alert, route: AlertRoute, to: Address) -> Post | None:
    """A token goes into the header, as for `chat.postMessage`."""
    if alert.resolved:
        return None
    body = attachment_body(alert, route, good=GOOD, bad=DANGER)
    if alert.waiting_step and alert.link:
        gate = Gate.of(alert.slot, alert.waiting_step, alert.run_id)
        body["blocks"] = [buttons_block(gate)]
    return Post(to.url, body, bearer(to.token))


def slack_trouble(answer: str) -> str:
    """Slack's API says 200 to what it did not do; its webhooks say `ok` in plain text."""
    try:
        said = _Answer.model_validate_json(answer)
    except ValueError:
        return ""
    return "" if said.ok else said.error


def attachment_body(
    alert: Alert, route: AlertRoute, *, good: str, bad: str
) -> dict[str, JsonValue]:
    """One attachment; the two colours are what differs between the chats."""
    fields: list[JsonValue] = [
        {"title": title, "value": value, "short": False} for title, value in lines_of(alert)
    ]
    attachment: JsonValue = {
        "color": bad if is_error(alert) else good,
        "author_name": name_of(alert),
        "text": alert.text,
        "mrkdwn_in": ["text"],
        "fields": fields,
    }
    return {
        "channel": route.channel or CHANNEL,
        "username": route.username or USERNAME,
        "icon_url": "",
        "icon_emoji": ":rocket:",
        "attachments": [attachment],
    }
