"""Microsoft Teams: Adaptive Cards for today's webhooks, Flagger's legacy card for the rest.

Workflow webhooks (Power Automate) take no MessageCard, and connectors take no Adaptive Card; which
one an address is shows in its host. `channel: adaptive-card` or `message-card` says it by hand.
"""

from urllib.parse import urlsplit

from pydantic import JsonValue

from activities.alerts.message import Address, Post, is_error, lines_of, link_name, name_of
from workflows.model.alert import Alert, AlertRoute

ADAPTIVE, LEGACY = "adaptive-card", "message-card"
WORKFLOW_HOSTS = (".logic.azure.com", ".powerplatform.com", ".powerautomate.com", ".logic.azure.us")
BLUE, RED = "0076D7", "FF0000"


def msteams(alert: Alert, route: AlertRoute, to: Address) -> Post | None:
    """The card that this address understands."""
    if alert.resolved:
        return None
    return Post(to.url, adaptive_card(alert) if _is_workflow(route, to) else message_card(alert))


def _is_workflow(route: AlertRoute, to: Address) -> bool:
    if route.channel in (ADAPTIVE, LEGACY):
        return route.channel == ADAPTIVE
    return (urlsplit(to.url).hostname or "").endswith(WORKFLOW_HOSTS)


def message_card(alert: Alert) -> JsonValue:
    """Flagger's, field by field."""
    facts: list[JsonValue] = [{"name": name, "value": value} for name, value in lines_of(alert)]
    section: JsonValue = {
        "activityTitle": alert.text,
        "activitySubtitle": name_of(alert),
        "facts": facts,
    }
    return {
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": RED if is_error(alert) else BLUE,
        "summary": name_of(alert),
        "sections": [section],
    }


def adaptive_card(alert: Alert) -> JsonValue:
    """A message with one card: what happened, the facts, and the page as a button."""
    colour = "Attention" if is_error(alert) else "Default"
    facts: list[JsonValue] = [{"title": fact.name, "value": fact.value} for fact in alert.facts]
    body: list[JsonValue] = [
        {"type": "TextBlock", "text": alert.title, "weight": "Bolder", "size": "Medium",
         "color": colour, "wrap": True},
        {"type": "TextBlock", "text": alert.text, "wrap": True},
        {"type": "FactSet", "facts": facts},
    ]  # fmt: skip
    open_page: JsonValue = {
        "type": "Action.OpenUrl", "title": link_name(alert), "url": alert.link
    }  # fmt: skip
    card: JsonValue = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [open_page] if alert.link else [],
    }
    content_type = "application/vnd.microsoft.card.adaptive"
    attachment: JsonValue = {"contentType": content_type, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}
