"""Discord, by the end of its webhooks that understands Slack's body; as Flagger."""

from urllib.parse import urlsplit, urlunsplit

from activities.alerts.message import Address, Post
from activities.alerts.slack import DANGER, GOOD, attachment_body
from workflows.model.alert import Alert, AlertRoute

END = "/slack"


def discord(alert: Alert, route: AlertRoute, to: Address) -> Post | None:
    """`/slack` is added to the path where it is missing."""
    if alert.resolved:
        return None
    return Post(_compatible(to.url), attachment_body(alert, route, good=GOOD, bad=DANGER))


def _compatible(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith(END) else path + END))
