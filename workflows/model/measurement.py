"""What a check asks, what came back, and the words in which it is judged.

The plan carries `MetricQuery` and `Threshold`; `activities.metrics` answers with a `Measurement`;
`workflows.judge` turns that into a `Verdict`. Queries carry references to secrets, never secrets.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, FiniteFloat

from workflows.errors import Reason
from workflows.model.value import Record, Value

MESSAGE_LIMIT = 500


def shortened(text: str) -> str:
    """Cut a text so that a measurement stays small, whatever a provider answered."""
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


class Outcome(StrEnum):
    """What became of a query; only `value` carries a number."""

    VALUE = "value"
    NO_DATA = "no-data"
    DOWN = "down"
    DENIED = "denied"
    INVALID = "invalid"


class Verdict(StrEnum):
    """What a check, or a tick of checks, says about the canary. Inconclusive is not pass."""

    PASS = "pass"  # noqa: S105  a verdict, not a secret
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class NoData(StrEnum):
    """What a check without data counts as."""

    FAIL = "fail"
    HOLD = "hold"
    PASS = "pass"  # noqa: S105  a verdict, not a secret


class Threshold(Value):
    """The limits a value must keep; a value on a limit passes, an absent limit is kept by all."""

    min: FiniteFloat | None = None
    max: FiniteFloat | None = None


class SecretRef(Value):
    """Where credentials are; only activities look inside."""

    namespace: str
    name: str


class MetricQuery(Value):
    """One question to one provider, its template already rendered. `interval` is seconds."""

    check: str
    provider: str
    query: str
    interval: float = Field(default=60.0, gt=0)
    address: str = ""
    headers: dict[str, tuple[str, ...]] = {}
    secret: SecretRef | None = None
    insecure_skip_verify: bool = False


class Measurement(Record):
    """The answer to one query. `took` is seconds; an infinite answer is the largest float."""

    check: str
    outcome: Outcome
    value: FiniteFloat | None = None
    reason: Reason | None = None
    message: Annotated[str, AfterValidator(shortened)] = ""
    query: Annotated[str, AfterValidator(shortened)] = ""
    took: float = 0.0
