"""What Serinus asks of a Kubernetes API server, as a contract.

`activities.kube.client` speaks it to a real server; tests may hold objects in memory instead.
Every method may fail with an ApplicationError of a closed list of reasons: `ClusterUnreachable`
(retryable: no answer, 429, 5xx), `ClusterForbidden` (403, says which verb on what is missing),
`KindNotInstalled` (404 of the kind itself), `Conflict` (409, retryable: read again),
`ObjectRejected` (422 or a webhook's refusal, with its words; not retryable).
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref


class Change(StrEnum):
    """What a watch saw."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    SYNCED = "SYNCED"
    """Everything that was there before has been told; carries no object."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One change of one object."""

    change: Change
    obj: KubeObject


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects of a list, and the point in time at which a watch goes on."""

    items: Sequence[KubeObject]
    resource_version: str


class KubeApi(Protocol):
    """Objects of one cluster. `namespace=None` means all of them."""

    async def read(self, ref: Ref) -> KubeObject | None:
        """The object, or None if there is none of that name."""
        ...

    async def list(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> Listed:
        """All of a kind, page by page; `labels` is a label selector."""
        ...

    def watch(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> AsyncGenerator[Seen]:
        """List, then every change, for ever: goes on over expiry (410), restarts and cuts.

        After a gap the objects are listed again and the difference is told as changes.
        """
        ...

    async def create(self, obj: KubeObject) -> KubeObject:
        """`Conflict` if it is there already."""
        ...

    async def apply(
        self, obj: KubeObject, *, resource_version: str | None = None, force: bool = True
    ) -> KubeObject:
        """Server-side apply of exactly these fields as field manager `serinus`.

        With `resource_version`, `Conflict` if the object has changed since; `""` asks that it be
        new.
        """
        ...

    async def replace(self, obj: KubeObject) -> KubeObject:
        """The whole object; its resourceVersion makes a `Conflict` of a change in between."""
        ...

    async def merge(
        self, ref: Ref, patch: Mapping[str, JsonValue], *, subresource: str = ""
    ) -> KubeObject:
        """JSON merge patch; a resourceVersion in it is a precondition."""
        ...

    async def delete(self, ref: Ref, *, uid: str | None = None, grace: int | None = None) -> None:
        """Gone or already gone; dependents go in the background. `uid` is a precondition."""
        ...
