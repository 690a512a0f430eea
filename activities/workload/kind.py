"""What a kind of target with pods must know of itself. Pure; one module a kind, see `registry`."""

from collections.abc import Mapping
from typing import Protocol

from pydantic import JsonValue

from activities.kube.objects import KubeObject, int_at, map_at
from activities.workload.pods import Origin, unmarked
from activities.workload.readiness import Readiness
from workflows.model.revision import target_revision

Patch = Mapping[str, JsonValue]
"""A JSON merge patch."""


class PodKind(Protocol):
    """Deployments and DaemonSets."""

    api_version: str
    kind: str

    def primary(self, origin: Origin) -> KubeObject:
        """The whole primary, without owner and fence."""
        ...

    def readiness(self, live: KubeObject, percent: int) -> Readiness:
        """Whether `percent` of the copies of the newest template are available."""
        ...

    def wanted_copies(self, live: KubeObject) -> int:
        """How many it is to have; none when it is scaled to zero."""
        ...

    def available_copies(self, live: KubeObject) -> int:
        """How many can serve users now."""
        ...

    def to_zero(self, live: KubeObject) -> Patch | None:
        """The patch that takes its pods away; None when they are."""
        ...

    def from_zero(self, live: KubeObject, copies: int) -> Patch | None:
        """The patch that brings its pods back; None while it has any, however many."""
        ...


def same_pods(wanted: KubeObject, live: KubeObject) -> bool:
    """Whether a live primary runs the pods that are wanted, whenever it was written."""
    return _meaning(wanted) == _meaning(live)


def unobserved(live: KubeObject) -> str | None:
    """Why its status says nothing yet about its newest template."""
    generation = int_at(live, "metadata", "generation") or 0
    if (int_at(live, "status", "observedGeneration") or 0) >= generation:
        return None
    return f"generation {generation} is not observed yet"


def _meaning(obj: KubeObject) -> str:
    template = unmarked(map_at(obj, "spec", "template"))
    return target_revision({**obj, "spec": {**map_at(obj, "spec"), "template": template}}, {})
