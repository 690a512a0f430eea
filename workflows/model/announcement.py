"""What is told to the `Announcer`, what it asks of activities, and what it could not deliver.

All instants are seconds since 1970.
"""

from workflows.errors import Reason
from workflows.model.alert import Alert, AlertRoute
from workflows.model.hook import Hook
from workflows.model.identity import Slot
from workflows.model.value import Record


class Event(Record):
    """One thing that happened, for the Canary's event hooks. `key` is unique in its run."""

    key: str
    at: float
    phase: str
    message: str
    warning: bool = False


class News(Record):
    """What a rollout has to tell at one moment; after the `last` there is nothing more."""

    alerts: tuple[Alert, ...] = ()
    events: tuple[Event, ...] = ()
    last: bool = False


class Item(Record):
    """What one receiver is to get: exactly one of the two."""

    alert: Alert | None = None
    event: Event | None = None

    @property
    def key(self) -> str:
        """Unique for a receiver."""
        if self.alert is not None:
            return f"{self.alert.key}/resolved" if self.alert.resolved else self.alert.key
        return self.event.key if self.event is not None else ""

    @property
    def text(self) -> str:
        """What it says, in a line."""
        if self.alert is not None:
            return self.alert.title
        return self.event.message if self.event is not None else ""


class Letter(Record):
    """A dead letter: what a receiver did not take, and why it is no longer tried."""

    id: str
    receiver: str
    item: Item
    reason: Reason
    message: str
    at: float


class Queued(Record):
    """What a receiver is still to get."""

    receiver: str
    item: Item


class Announced(Record):
    """What a run has told so far; carried when it continues as new."""

    run_id: str
    told: tuple[str, ...] = ()


class Announce(Record):
    """What an `Announcer` starts with."""

    slot: Slot
    run_id: str
    routes: tuple[AlertRoute, ...] = ()
    hooks: tuple[Hook, ...] = ()
    checksum: str = ""
    news: News = News()
    queued: tuple[Queued, ...] = ()
    dead: tuple[Letter, ...] = ()
    sent: int = 0
    told: tuple[str, ...] = ()
    restoring_since: float | None = None


class Told(Record):
    """How an `Announcer` stands; what `serinus alerts` shows."""

    slot: Slot
    run_id: str
    sent: int = 0
    waiting: tuple[Queued, ...] = ()
    dead: tuple[Letter, ...] = ()


class Again(Record):
    """Send these dead letters again; none named means all."""

    ids: tuple[str, ...] = ()


class SendAlert(Record):
    """One alert by one route."""

    alert: Alert
    route: AlertRoute


class SendEvent(Record):
    """One event to one hook; its body is Flagger's."""

    slot: Slot
    run_id: str
    hook: Hook
    event: Event
    checksum: str = ""


class LookAtRun(Record):
    """Look at the rollout that began with this run."""

    slot: Slot
    run_id: str


class Trouble(Record):
    """An activity of a rollout that fails and is tried again."""

    activity: str
    attempt: int
    message: str


class RunSeen(Record):
    """Whether the rollout is still running, and what it has trouble with."""

    running: bool
    trouble: tuple[Trouble, ...] = ()
