"""Email by SMTP. The address is `smtp://user@host:port/?to=ana@example.com&from=serinus@example.com`.

`smtps://` speaks TLS from the beginning; `smtp://` begins it if the server offers to, always with
`&tls=required`, never with `&tls=never`. The password is the `token` of the secret.
"""

from datetime import UTC, datetime
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from typing import Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from activities.alerts.message import Address, Mail, lines_of, unusable
from workflows.model.alert import Alert, AlertRoute

PORTS = {"smtp": 25, "smtps": 465}
SENDER = "serinus@localhost"
TLS: dict[str, Literal["required", "offered", "never"]] = {
    "required": "required", "offered": "offered", "never": "never"
}  # fmt: skip


def email(alert: Alert, route: AlertRoute, to: Address) -> Mail | None:
    """Text only; its Message-ID is the same whenever the same alert is sent again."""
    if alert.resolved:
        return None
    parts = urlsplit(to.url)
    asked = parse_qs(parts.query)
    how = (asked.get("tls") or ["offered"])[0]
    if how not in TLS:
        raise unusable(route, f"tls={how} is not known; known: {', '.join(TLS)}")
    return Mail(
        host=parts.hostname or "",
        port=parts.port or PORTS[parts.scheme],
        secure="at-once" if parts.scheme == "smtps" else TLS[how],
        message=_message(alert, route, parts),
        user=unquote(parts.username or ""),
        password=to.token,
    )


def _message(alert: Alert, route: AlertRoute, parts: SplitResult) -> EmailMessage:
    asked = parse_qs(parts.query)
    sender = (asked.get("from") or [SENDER])[0]
    message = EmailMessage()
    try:
        message["From"] = Mailbox(display_name=route.username or "Serinus", addr_spec=sender)
        people = [name.strip() for each in asked["to"] for name in each.split(",")]
        message["To"] = [Mailbox(addr_spec=name) for name in people if name]
    except (ValueError, IndexError) as error:
        raise unusable(route, f"an address of its ?to= or &from= is none: {error}") from error
    message["Subject"] = " ".join(f"[{alert.severity}] {alert.title}".split())
    message["Date"] = format_datetime(datetime.fromtimestamp(alert.at, UTC))
    message["Message-ID"] = f"<{sha256(alert.key.encode()).hexdigest()[:32]}@serinus>"
    message["X-Serinus-Key"] = alert.key
    lines = "\n".join(f"{name}: {value}" for name, value in lines_of(alert))
    message.set_content(f"{alert.text}\n\n{lines}\n")
    return message
