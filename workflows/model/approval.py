"""Who may open a gate, on what conditions, and what has been said so far.

`GateRule` is snapshotted in the plan's `Ask` steps from the policy's `gates`;
`workflows.approvals.approving` judges by it, and the status carries `Given` so that pages and chats
show the same. All instants are seconds since 1970, all spans are seconds.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, FiniteFloat

from workflows.model.value import Record, Value

Who = Annotated[str, Field(min_length=1, max_length=200)]


class Via(StrEnum):
    """The way an order came in. Only what the gateway sealed is proven."""

    TEMPORAL = "temporal"
    PAGE = "page"
    API = "api"
    SLACK = "slack"


class Seal(Value):
    """The gateway's word that it knows who speaks: an HMAC over the order, checked by an activity.

    `mac` is lowercase hex; what it covers is said by `workflows.approvals.sealing`.
    """

    via: Via
    at: FiniteFloat
    mac: Annotated[str, Field(max_length=200)]


class OnExpiry(StrEnum):
    """What becomes of a gate that nobody opened in time."""

    REJECT = "reject"
    HOLD = "hold"
    ESCALATE = "escalate"


class Circle(Value):
    """People and groups; nobody named means everybody."""

    people: tuple[Who, ...] = ()
    groups: tuple[Who, ...] = ()


class GateRule(Value):
    """What a gate asks for. The default is Flagger's: any one person.

    `escalate_to` with nobody named adds nobody.
    """

    who: Circle = Circle()
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    not_author: bool = False
    proven: bool = False
    expires_after: float | None = None
    on_expiry: OnExpiry = OnExpiry.REJECT
    escalate_after: float | None = None
    escalate_to: Circle = Circle()


class Given(Record):
    """One approval that counts."""

    by: str
    groups: tuple[str, ...] = ()
    at: float
    via: Via = Via.TEMPORAL
    proven: bool = False
    comment: str = ""
    max_weight: int | None = None
    not_before: float | None = None


class GateState(Record):
    """What the gate at which a run stands has been given, and what time has done to it.

    `answered`: each of its hooks has answered 2xx, so they are not called again.
    """

    given: tuple[Given, ...] = ()
    escalated: bool = False
    expired: bool = False
    answered: bool = False


class Ceiling(Record):
    """People have approved up to `weight` percent; for more they are asked again, by `rule`."""

    weight: int
    rule: GateRule = GateRule()


class Author(Record):
    """Somebody who triggered the release of a revision; the empty revision means any."""

    name: str
    revision: str = ""
