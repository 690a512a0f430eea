"""Which rollout, and whose write is the newest."""

from pydantic import Field

from workflows.model.value import Value

DNS_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"


class Slot(Value):
    """The place a rollout runs in: one running workflow a slot, by its id."""

    cluster: str = Field(default="local", pattern=DNS_NAME, max_length=63)
    namespace: str = Field(default="default", pattern=DNS_NAME, max_length=63)
    name: str = Field(pattern=DNS_NAME, max_length=253)

    @property
    def workflow_id(self) -> str:
        """The id of the rollout of this slot; the server lets one run at a time."""
        return f"rollout/{self.cluster}/{self.namespace}/{self.name}"

    @property
    def restore_id(self) -> str:
        """The id of the workflow that restores this slot after a terminated rollout."""
        return f"restore/{self.cluster}/{self.namespace}/{self.name}"

    @property
    def key(self) -> str:
        """`namespace/name`, as people write it."""
        return f"{self.namespace}/{self.name}"

    @classmethod
    def of(cls, workflow_id: str) -> "Slot":
        """Read a slot back from a workflow id."""
        _, cluster, namespace, name = workflow_id.split("/", 3)
        return cls(cluster=cluster, namespace=namespace, name=name)


class Fence(Value):
    """Orders every write to one slot; an older one is refused.

    `generation` is the start of the run in milliseconds since 1970 (runs of a slot follow one
    another, so it grows); `sequence` counts the commands of one run. A cancelled activity that
    has not yet noticed carries a smaller sequence than the restore that overtook it.
    """

    run_id: str
    generation: int = Field(ge=0)
    sequence: int = Field(ge=0)

    def older_than(self, other: "Fence") -> bool:
        """Whether a write with this fence comes too late after one with `other`."""
        return (self.generation, self.sequence) < (other.generation, other.sequence)
