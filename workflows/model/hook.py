"""Outbound webhooks: what is called, and what came back."""

from enum import StrEnum

from workflows.errors import Reason
from workflows.model.value import Record, Value


class HookType(StrEnum):
    """When a hook is called; Flagger's eight types."""

    CONFIRM_ROLLOUT = "confirm-rollout"
    PRE_ROLLOUT = "pre-rollout"
    ROLLOUT = "rollout"
    CONFIRM_TRAFFIC_INCREASE = "confirm-traffic-increase"
    CONFIRM_PROMOTION = "confirm-promotion"
    POST_ROLLOUT = "post-rollout"
    ROLLBACK = "rollback"
    EVENT = "event"


class Hook(Value):
    """One hook of a plan. Times are seconds; `retries` counts attempts after the first."""

    name: str
    type: HookType
    url: str
    timeout: float = 10.0
    retries: int = 0
    disable_tls: bool = False
    mute_alert: bool = False
    metadata: dict[str, str] | None = None


class HookAnswer(Record):
    """The last answer of a hook; `body` is cut to 1,000 characters."""

    name: str
    type: HookType
    ok: bool
    status: int | None = None
    body: str = ""
    took: float = 0.0
    attempts: int = 1
    reason: Reason | None = None
    message: str = ""
