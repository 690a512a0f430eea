"""CloudEvents 1.0 over HTTP, binary and structured, as events. Pure.

A batch is refused: half of it could be accepted, and no status code says so.
"""

from collections.abc import Mapping

from pydantic import Field, JsonValue, ValidationError

from worker.gateway.receivers.event import (
    Event,
    Instant,
    Sent,
    Unreadable,
    digest,
    read_json,
    unreadable,
)

BATCH = "application/cloudevents-batch"
STRUCTURED = "application/cloudevents"
STRUCTURED_JSON = "application/cloudevents+json"
PREFIX = "ce-"


class CloudEventData(Sent):
    """What of the data Serinus understands."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    severity: str = ""
    reason: str = ""
    message: str = ""
    metadata: dict[str, str] = {}


class CloudEvent(Sent):
    """The attributes; `type` is matched as the reason where the data gives none."""

    specversion: str = Field(pattern=r"^1\.0$")
    id: str = Field(min_length=1)
    source: str = Field(min_length=1)
    type: str = Field(min_length=1)
    subject: str = ""
    time: Instant | None = None
    data: JsonValue = None


def read_cloud_event(headers: Mapping[str, str], body: bytes) -> Event:
    """The event of a delivery; header names are in lower case."""
    media = _media(headers)
    if media.startswith(BATCH):
        message = "a batch is refused: send each event by itself, so that each has its own answer"
        raise Unreadable(message, status=415)
    if media.startswith(STRUCTURED):
        if media != STRUCTURED_JSON:
            raise Unreadable(f"{media} is not read; send {STRUCTURED_JSON}", status=415)
        return _event(read_json(CloudEvent, body))
    return _event(_binary(headers, body, media))


def is_binary(headers: Mapping[str, str]) -> bool:
    """Whether the attributes stand in headers."""
    return not _media(headers).startswith(STRUCTURED)


def _media(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _binary(headers: Mapping[str, str], body: bytes, media: str) -> CloudEvent:
    attributes = {name.removeprefix(PREFIX): value for name, value in headers.items()
                  if name.startswith(PREFIX)}  # fmt: skip
    if "specversion" not in attributes:
        message = f"neither {STRUCTURED_JSON} nor a ce-specversion header: no CloudEvent"
        raise Unreadable(message, status=400)
    try:
        found = CloudEvent.model_validate({**attributes, "data": None})
    except ValidationError as error:
        raise unreadable(error) from error
    if not body or not media.endswith("json"):
        return found
    return found.model_copy(update={"data": read_json(CloudEventData, body).model_dump()})


def _event(sent: CloudEvent) -> Event:
    try:
        data = CloudEventData.model_validate(sent.data if isinstance(sent.data, dict) else {})
    except ValidationError as error:
        raise unreadable(error) from error
    namespace, _, name = sent.subject.rpartition("/")
    return Event(
        kind=data.kind or "CloudEvent",
        namespace=data.namespace or namespace or "default",
        name=data.name or name,
        severity=data.severity,
        reason=data.reason or sent.type,
        message=data.message,
        cluster=data.metadata.get("cluster", ""),
        metadata={**data.metadata, "source": sent.source, "type": sent.type},
        at=sent.time.timestamp() if sent.time else None,
        identity=digest(sent.source.encode(), sent.id.encode()),
    )
