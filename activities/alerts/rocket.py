"""Rocket.Chat in Flagger's body: Slack's, with colours of its own."""

from activities.alerts.message import Address, Post
from activities.alerts.slack import attachment_body
from workflows.model.alert import Alert, AlertRoute

BLUE, RED = "#0076D7", "#FF0000"


def rocket(alert: Alert, route: AlertRoute, to: Address) -> Post | None:
    """No token: the address of the webhook holds it."""
    if alert.resolved:
        return None
    return Post(to.url, attachment_body(alert, route, good=BLUE, bad=RED))
