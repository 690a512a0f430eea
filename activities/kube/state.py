"""What Serinus knows of one target on a cluster.

Written by planning when a run begins and ends and by workloads and routing as they go, through
`activities.kube.store`; read by them and by reports.
"""

from collections.abc import Mapping
from typing import Self

from activities.claims import SlotState
from activities.kube.fenced import Owner
from workflows.model.canary import Canary, CanarySpec
from workflows.model.value import Record


class CanarySnapshot(Record):
    """The Canary as the run that holds the slot read it; edits later are for the next run.

    `selector_label` is the label key and value by which Services find the target's pods; both are
    empty for targets that select none.
    """

    name: str
    uid: str
    generation: int = 0
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    spec: CanarySpec
    selector_label: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, canary: Canary, selector_label: tuple[str, str] = ("", "")) -> Self:
        metadata = canary.metadata
        return cls(
            name=metadata.name,
            uid=metadata.uid or "",
            generation=metadata.generation or 0,
            labels=metadata.labels,
            annotations=metadata.annotations,
            spec=canary.spec,
            selector_label=selector_label,
        )

    @property
    def owner(self) -> Owner:
        """Of everything that is made for this Canary."""
        return Owner.canary(self.name, self.uid)


class KubeState(SlotState):
    """`canary` stays when the slot is free: a deleted Canary is reverted by it."""

    canary: CanarySnapshot | None = None
    left: str = ""
    """The phase that the Canary was found in, before anything was known of its slot."""
