"""One event that a trigger turned into an order for one rollout, and what became of it.

Written by `worker.gateway.receivers`, carried out by `workflows.deliver`.
"""

from pydantic import FiniteFloat

from workflows.model.decisions import Name, Text
from workflows.model.identity import Slot
from workflows.model.trigger import TriggerAction
from workflows.model.value import Record, Value


class DeliveryInput(Value):
    """What to do. `at` is when it happened, seconds since 1970 by the sender's clock.

    `id` is the same for the same delivery. No revision and no image stands here: what there is to
    release is read from the target.
    """

    slot: Slot
    id: Name
    action: TriggerAction
    at: FiniteFloat
    by: Name = ""
    reason: Text = ""

    @property
    def workflow_id(self) -> str:
        """Temporal runs an id once; so a delivery that comes again does nothing again."""
        return f"delivery/{self.slot.cluster}/{self.slot.namespace}/{self.slot.name}/{self.id}"


class Delivered(Record):
    """Whether a rollout was told, and in any case why."""

    told: bool
    words: str
