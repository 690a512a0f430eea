"""Google Chat in Flagger's body: a card with a paragraph for the message and one a field."""

from pydantic import JsonValue

from activities.alerts.message import Address, Post, lines_of, name_of
from workflows.model.alert import Alert, AlertRoute

ICON = "https://raw.githubusercontent.com/fluxcd/flagger/main/docs/logo/flagger-icon.png"
"""As Flagger sends it; Google's servers fetch it."""
TITLE = "Flagger"


def gchat(alert: Alert, route: AlertRoute, to: Address) -> Post | None:
    """Severity is not shown; a username other than Flagger's own is the title."""
    if alert.resolved:
        return None
    texts = [alert.text, *(f"{name}: {value}" for name, value in lines_of(alert))]
    widgets: list[JsonValue] = [{"textParagraph": {"text": text}} for text in texts]
    header: JsonValue = {
        "title": TITLE if route.username in ("", "flagger") else route.username,
        "subtitle": name_of(alert),
        "imageUrl": ICON,
    }
    return Post(to.url, {"cards": [{"header": header, "sections": [{"widgets": widgets}]}]})
