"""`RolloutPolicy.spec.alerts`: receivers beyond Flagger's five.

Flagger's kinds get no fields, so PagerDuty, Alertmanager, a plain webhook and email stand here.
"""

from typing import Annotated
from urllib.parse import SplitResult, parse_qs, urlsplit

from pydantic import Field, model_validator

from workflows.model.alert import Channel, Severity
from workflows.model.metric_template import SecretName
from workflows.model.problem import Problem, refuse
from workflows.model.quantity import Url
from workflows.model.resource import Part
from workflows.model.target import Name

HTTP = ("http", "https")
MAIL = ("smtp", "smtps")
Text = Annotated[str, Field(max_length=2_000)]


class AlertSpec(Part):
    """One receiver. The address of the secret wins over `address`; severity unset means info."""

    name: Name
    type: Channel
    address: Text | None = None
    secret_ref: SecretName | None = None
    severity: Severity = Severity.INFO
    channel: Text = ""
    username: Text = ""
    proxy: Url | None = None

    @model_validator(mode="after")
    def _reachable(self) -> "AlertSpec":
        if self.address is not None:
            _check_address(self.type, self.address)
        if self.type is Channel.PAGERDUTY and self.secret_ref is None:
            refuse([Problem(path="secretRef", message="is required: its `token` is the routing key",
                            allowed="the name of a Secret")])  # fmt: skip
        if not (self.address or self.secret_ref):
            message = "has neither address nor secretRef: nobody could be told"
            refuse([Problem(path="", message=message, allowed="address, secretRef or both")])
        if self.proxy is not None and self.type is Channel.EMAIL:
            refuse([Problem(path="proxy", message="is for HTTP; email goes to its server directly",
                            value=self.proxy, allowed="leave it out")])  # fmt: skip
        return self


def _check_address(kind: Channel, address: str) -> None:
    schemes = MAIL if kind is Channel.EMAIL else HTTP
    wanted = " or ".join(f"{scheme}://…" for scheme in schemes)
    if (problem := address_problem(address, schemes)) is not None:
        refuse([Problem(path="address", message=problem, value=address, allowed=wanted)])


def address_problem(address: str, schemes: tuple[str, ...]) -> str | None:
    """What is wrong with an address, if anything; asked again of addresses in secrets."""
    parts = _split(address)
    if parts is None or parts.scheme not in schemes or not parts.hostname:
        return "is not an address of this type of receiver"
    if parts.scheme in MAIL and not parse_qs(parts.query).get("to"):
        return "names nobody to write to: end it with ?to=ana@example.com"
    if parts.scheme in MAIL and parts.password is not None:
        return "has a password in it; put it into the secret as `token`"
    return None


def _split(address: str) -> SplitResult | None:
    """None for what is no URL at all; a port that is none shows only when it is asked for."""
    try:
        parts = urlsplit(address)
        fine = parts.port != 0 and not any(letter.isspace() for letter in address)
    except ValueError:
        return None
    return parts if fine else None
