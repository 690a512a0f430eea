"""A plain JSON hook, so that CI can say what it has applied. Pure.

`{"namespace": "apps", "name": "shop", "reason": "build 812", "id": "812"}`
"""

from pydantic import Field

from worker.gateway.receivers.event import Event, Instant, Sent, digest, read_json
from workflows.model.identity import DNS_NAME


class PlainEvent(Sent):
    """`revision` is for people: what is released is read from the target.

    With an `id` or a `timestamp` a delivery that comes again is known; without, each is new.
    """

    namespace: str = Field(default="default", pattern=DNS_NAME, max_length=63)
    name: str = Field(pattern=DNS_NAME, max_length=253)
    kind: str = "Target"
    severity: str = ""
    reason: str = ""
    message: str = ""
    revision: str = ""
    id: str = ""
    timestamp: Instant | None = None
    metadata: dict[str, str] = {}


def read_plain(body: bytes) -> Event:
    """The event of a plain hook; Unreadable says which field is wrong."""
    sent = read_json(PlainEvent, body)
    known = {"revision": sent.revision} if sent.revision else {}
    return Event(
        kind=sent.kind,
        namespace=sent.namespace,
        name=sent.name,
        severity=sent.severity,
        reason=sent.reason,
        message=sent.message or sent.revision,
        cluster=sent.metadata.get("cluster", ""),
        metadata={**sent.metadata, **known},
        at=sent.timestamp.timestamp() if sent.timestamp else None,
        identity=_identity(sent, body),
    )


def _identity(sent: PlainEvent, body: bytes) -> str | None:
    if sent.id:
        return digest(sent.namespace.encode(), sent.name.encode(), sent.id.encode())
    return digest(body) if sent.timestamp else None
