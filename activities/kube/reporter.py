"""What planning tells people about a slot, as a contract; `activities.reporting` writes it down.

Where the word goes (a Canary's status, events) is not the teller's business, and a word that
cannot be written must not stop a rollout: the implementation decides what it tries again.
"""

from collections.abc import Mapping
from typing import Protocol

from workflows.errors import Reason
from workflows.model.identity import Slot
from workflows.model.status import Phase
from workflows.model.value import Record


class Standing(Record):
    """Where a slot stands; what is None stays as it is."""

    phase: Phase | None = None
    canary_weight: int | None = None
    iterations: int | None = None
    failed_checks: int | None = None
    last_applied: str | None = None
    last_promoted: str | None = None
    tracked_configs: Mapping[str, str] | None = None
    measured: Mapping[str, float] = {}
    """The values of the last tick, by check."""
    message: str = ""
    reason: Reason | None = None
    workflow_id: str = ""


class Reporter(Protocol):
    """Tells people; never fails because of what is told."""

    async def tell(self, slot: Slot, standing: Standing) -> None:
        """Safe to call again with the same."""
        ...
