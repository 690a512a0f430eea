"""PagerDuty, Events API v2: one incident a rollout.

Its dedup key is the rollout's, so a gate that waits, a rollback and its troubles are one incident.
It is triggered by warnings and errors, and resolved when the gate is opened or the release is
promoted. A rollback is for people to resolve.
"""

from datetime import UTC, datetime

from pydantic import JsonValue

from activities.alerts.message import Address, Post, link_name, unusable
from workflows.model.alert import Alert, AlertRoute, Severity, State

EVENTS = "https://events.pagerduty.com/v2/enqueue"
SUMMARY_LIMIT = 1_024
_SEVERITY = {Severity.INFO: "info", Severity.WARN: "warning", Severity.ERROR: "error"}


def pagerduty(alert: Alert, route: AlertRoute, to: Address) -> Post | None:
    """The token of the secret is the routing key; news that call for nobody are not sent."""
    if not to.token:
        raise unusable(route, "the secret has no `token`, which is PagerDuty's routing key")
    url = to.url or EVENTS
    key = f"{alert.slot.workflow_id}/{alert.run_id}"
    asked: dict[str, JsonValue] = {"routing_key": to.token, "dedup_key": key}
    if alert.resolved or alert.state is State.PROMOTED:
        return Post(url, {**asked, "event_action": "resolve"})
    if alert.severity is Severity.INFO:
        return None
    links: list[JsonValue] = [{"href": alert.link, "text": link_name(alert)}] if alert.link else []
    return Post(
        url,
        {
            **asked,
            "event_action": "trigger",
            "client": "Serinus",
            "client_url": alert.link,
            "links": links,
            "payload": _payload(alert),
        },
    )


def _payload(alert: Alert) -> JsonValue:
    details: dict[str, JsonValue] = {fact.name: fact.value for fact in alert.facts}
    return {
        "summary": alert.text[:SUMMARY_LIMIT],
        "source": alert.slot.workflow_id,
        "severity": _SEVERITY[alert.severity],
        "timestamp": datetime.fromtimestamp(alert.at, UTC).isoformat(),
        "component": alert.slot.name,
        "group": alert.slot.namespace,
        "class": str(alert.state or ""),
        "custom_details": details,
    }
