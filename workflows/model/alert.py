"""What people are told of a rollout, and whom to tell.

The plan carries `AlertRoute`s (references to secrets, never secrets); `workflows.telling.announce`
sends an `Alert` by each of them, durably and off the rollout's critical path.
"""

from enum import StrEnum

from workflows.errors import Reason
from workflows.model.identity import Slot
from workflows.model.measurement import SecretRef
from workflows.model.value import Record, Value


class Severity(StrEnum):
    """As Flagger: a route gets alerts of its severity and above; unset means info."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"

    def reaches(self, route: "Severity") -> bool:
        """Whether an alert of this severity goes to a route of that one."""
        order = tuple(Severity)
        return order.index(self) >= order.index(route)


class Channel(StrEnum):
    """What kind of receiver an alert goes to: Flagger's five chats, and ours."""

    SLACK = "slack"
    MSTEAMS = "msteams"
    DISCORD = "discord"
    ROCKET = "rocket"
    GCHAT = "gchat"
    PAGERDUTY = "pagerduty"
    ALERTMANAGER = "alertmanager"
    WEBHOOK = "webhook"
    EMAIL = "email"


class AlertRoute(Value):
    """Where alerts of a plan go. The address in the secret wins over `address`."""

    name: str
    kind: Channel
    severity: Severity = Severity.INFO
    address: str = ""
    secret: SecretRef | None = None
    channel: str = ""
    username: str = ""
    proxy: str = ""
    problem: str = ""
    """Why nothing can be sent by this route, e.g. its AlertProvider is missing; else empty."""


class Fact(Record):
    """A line of an alert: a name and a value, both for people."""

    name: str
    value: str


class State(StrEnum):
    """What an alert is about; stable, so receivers may match on it."""

    STARTED = "started"
    WAITING = "waiting"
    ESCALATED = "escalated"
    EXPIRED = "expired"
    ROLLED_BACK = "rolled-back"
    RESTORE_RETRYING = "restore-retrying"
    UNDO_FAILING = "undo-failing"
    PROMOTED = "promoted"
    INITIALISED = "initialised"
    REVERTED = "reverted"


class Alert(Record):
    """One thing that happened, for people. `key` is unique for each state of each run."""

    key: str
    slot: Slot
    at: float
    severity: Severity
    title: str
    text: str
    phase: str
    revision: str = ""
    reason: Reason | None = None
    facts: tuple[Fact, ...] = ()
    link: str = ""
    """The page of the rollout; at a waiting gate it is where one approves."""
    waiting_step: str = ""
    state: State | None = None
    run_id: str = ""
    """The run in which the rollout began; the same for all alerts of a rollout."""
    until: float | None = None
    """When the state is over by itself, if that is known: the expiry of a gate."""
    patience: float = 0.0
    """Seconds before anybody is told; a state that is over by then is never told."""
    resolved: bool = False
    """The state that was told under the same key is over."""
