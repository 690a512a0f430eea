"""What a delivery says, whoever sent it; and how Flux writes it. Pure.

Matched against triggers by `worker.gateway.receivers.matching`. An event is a hint: nothing of it
is ever released.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from workflows.errors import SerinusError
from workflows.model.value import Record

TOOLKIT = "fluxcd.io"
SUMMARY_LIMIT = 500
S = TypeVar("S", bound="Sent")


class Unreadable(SerinusError):  # noqa: N818  the name says what is wrong
    """A delivery that can never be understood; `status` is the HTTP status that says so."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


class Event(Record):
    """One event. `at` is seconds since 1970, None if the sender does not say.

    `identity` is the same for the same delivery; None where one cannot be told from the next.
    """

    kind: str = ""
    namespace: str = ""
    name: str = ""
    severity: str = ""
    reason: str = ""
    message: str = ""
    cluster: str = ""
    metadata: Mapping[str, str] = {}
    at: float | None = None
    identity: str | None = None

    @property
    def summary(self) -> str:
        """For people, in one line."""
        what = " ".join(part for part in (self.kind, _place(self.namespace, self.name)) if part)
        said = ": ".join(part for part in (what, self.reason, self.message) if part)
        return " ".join(said.split())[:SUMMARY_LIMIT]


def _zoned(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("has no time zone")
    return at


Instant = Annotated[datetime, AfterValidator(_zoned)]


class Sent(BaseModel):
    """What senders write: unknown fields are theirs, and passed over."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )


class FluxObject(Sent):
    """The object that an event is about."""

    kind: str = Field(min_length=1)
    namespace: str = ""
    name: str = Field(min_length=1)


class FluxEvent(Sent):
    """An event of Flux' notification-controller."""

    involved_object: FluxObject
    severity: str
    timestamp: Instant
    message: str = ""
    reason: str
    metadata: dict[str, str] | None = None


def read_flux(body: bytes) -> Event:
    """The event of a Flux delivery; Unreadable says which field is wrong."""
    sent = read_json(FluxEvent, body)
    metadata = plain_names(sent.metadata or {})
    return Event(
        kind=sent.involved_object.kind,
        namespace=sent.involved_object.namespace,
        name=sent.involved_object.name,
        severity=sent.severity,
        reason=sent.reason,
        message=sent.message,
        cluster=metadata.get("cluster", ""),
        metadata=metadata,
        at=sent.timestamp.timestamp(),
        identity=digest(body),
    )


def plain_names(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata without the prefixes of Flux' API groups; a name written without one wins."""
    found: dict[str, str] = {}
    for name, value in metadata.items():
        group, _, bare = name.rpartition("/")
        if group.endswith(TOOLKIT):
            found.setdefault(bare, value)
        else:
            found[name] = value
    return found


def digest(*parts: bytes) -> str:
    """Equal for equal parts."""
    whole = sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()[:32]


def read_json(model: type[S], body: bytes) -> S:
    """Decode one JSON object; Unreadable if it is none, or not the one that is expected."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise unreadable(error) from error


def unreadable(error: ValidationError) -> Unreadable:
    """Every problem in a line, each with the path of its field; never the text that was sent."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    if any(each["type"] == "json_invalid" for each in found):
        return Unreadable("the body is not JSON", status=400)
    lines = (f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in found)
    return Unreadable("; ".join(lines))


def _place(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace and name else name
