"""What a channel makes of an alert, before anything is sent.

Channels do no I/O: each is one module with one function of this shape and one line in
`activities.alerts.registry`; `activities.alerts.engine` sends what they make.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal

from pydantic import JsonValue

from workflows.errors import Reason, failure
from workflows.model.alert import Alert, AlertRoute, Severity


@dataclass(frozen=True, slots=True)
class Address:
    """Where to send, read from the route and its secret; `token` is empty if there is none."""

    url: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """A JSON document to POST; any 2xx means that it was taken."""

    url: str
    body: JsonValue
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def content(self) -> bytes:
        return json.dumps(self.body, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Mail:
    """A message, and the server that takes it. `secure` is when TLS begins."""

    host: str
    port: int
    secure: Literal["at-once", "required", "offered", "never"]
    message: EmailMessage
    user: str = ""
    password: str = field(default="", repr=False)


Outgoing = Post | Mail
Channel = Callable[[Alert, AlertRoute, Address], Outgoing | None]
"""None: this receiver has no use for this alert."""


def name_of(alert: Alert) -> str:
    """The rollout as Flagger writes it."""
    return f"{alert.slot.name}.{alert.slot.namespace}"


def is_error(alert: Alert) -> bool:
    """Whether it is shown in red; as in Flagger, only errors are."""
    return alert.severity is Severity.ERROR


def lines_of(alert: Alert) -> list[tuple[str, str]]:
    """The facts, and the page if it is known, which at a gate is where one approves."""
    lines = [(fact.name, fact.value) for fact in alert.facts]
    if alert.link:
        lines.append((link_name(alert), alert.link))
    return lines


def link_name(alert: Alert) -> str:
    return "Approve or reject" if alert.waiting_step else "Rollout"


def bearer(token: str) -> Mapping[str, str]:
    """The header of a token, if there is one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def unusable(route: AlertRoute, problem: str) -> Exception:
    """The alert cannot be sent by this route, however often it is tried."""
    return failure(Reason.ALERT_REFUSED, f"alert {route.name!r}: {problem}", retryable=False)
