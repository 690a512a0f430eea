"""Alertmanager, `POST /api/v2/alerts`: it groups, silences and tells people by rules of its own.

An alert is sent once, so it says itself how long it holds: a gate until its expiry (or thirty
days), what happened for a day, news for five minutes. A gate that is opened ends its alert.
"""

from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

from pydantic import JsonValue

from activities.alerts.message import Address, Post, bearer
from workflows.model.alert import Alert, AlertRoute, Severity

PATH = "/api/v2/alerts"
GATE, EVENT, NEWS = 30 * 86_400.0, 86_400.0, 300.0
"""Seconds."""


def alertmanager(alert: Alert, route: AlertRoute, to: Address) -> Post | None:
    """The path is added to an address without one of its own."""
    del route
    item: JsonValue = {
        "labels": _labels(alert),
        "annotations": _annotations(alert),
        "startsAt": _instant(alert.at),
        "endsAt": _instant(_end(alert)),
        "generatorURL": alert.link,
    }
    return Post(_endpoint(to.url), [item], bearer(to.token))


def _labels(alert: Alert) -> dict[str, JsonValue]:
    """What makes it the same alert when it ends: nothing in here may differ by then."""
    words = str(alert.state or "rollout").replace("-", " ").title().replace(" ", "")
    labels: dict[str, JsonValue] = {
        "alertname": f"Serinus{words}",
        "severity": str(alert.severity),
        "cluster": alert.slot.cluster,
        "namespace": alert.slot.namespace,
        "rollout": alert.slot.name,
        "run": alert.run_id,
    }
    if alert.waiting_step:
        labels["step"] = alert.waiting_step
    return labels


def _annotations(alert: Alert) -> JsonValue:
    lines = "\n".join(f"{fact.name}: {fact.value}" for fact in alert.facts)
    return {"summary": alert.title, "description": f"{alert.text}\n{lines}".strip()}


def _end(alert: Alert) -> float:
    if alert.resolved:
        return alert.at
    if alert.waiting_step:
        return alert.until if alert.until is not None else alert.at + GATE
    return alert.at + (NEWS if alert.severity is Severity.INFO else EVENT)


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith(PATH) else path + PATH))
