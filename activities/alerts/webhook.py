"""Our own JSON, for programs: everything that an alert knows. Documented in docs/alerts.md."""

from datetime import UTC, datetime

from pydantic import JsonValue

from activities.alerts.message import Address, Post, bearer
from workflows.model.alert import Alert, AlertRoute

VERSION = "serinus.dev/alert/v1"


def webhook(alert: Alert, route: AlertRoute, to: Address) -> Post | None:
    """A token goes into the header; fields are only ever added."""
    facts: list[JsonValue] = [{"name": fact.name, "value": fact.value} for fact in alert.facts]
    body: dict[str, JsonValue] = {
        "version": VERSION,
        "key": alert.key,
        "status": "resolved" if alert.resolved else "firing",
        "state": str(alert.state or ""),
        "severity": str(alert.severity),
        "at": datetime.fromtimestamp(alert.at, UTC).isoformat(),
        "cluster": alert.slot.cluster,
        "namespace": alert.slot.namespace,
        "name": alert.slot.name,
        "workflowId": alert.slot.workflow_id,
        "runId": alert.run_id,
        "revision": alert.revision,
        "phase": alert.phase,
        "reason": str(alert.reason or ""),
        "step": alert.waiting_step,
        "title": alert.title,
        "text": alert.text,
        "facts": facts,
        "link": alert.link,
        "route": route.name,
    }
    return Post(to.url, body, bearer(to.token))
