"""Deployments: the primary's copy, scaling, and when one is ready. Pure."""

from pydantic import JsonValue

from activities.kube.objects import KubeObject, at, int_at, maps_at
from activities.workload.kind import Patch, unobserved
from activities.workload.pods import Origin, primary_metadata, primary_template
from activities.workload.readiness import Never, NotYet, Readiness, Ready, needed

_COPIED = ("progressDeadlineSeconds", "minReadySeconds", "revisionHistoryLimit", "strategy")


class Deployments:
    """Follows `PodKind`."""

    api_version = "apps/v1"
    kind = "Deployment"

    def primary(self, origin: Origin) -> KubeObject:
        spec: dict[str, JsonValue] = {
            field: value
            for field in _COPIED
            if (value := at(origin.target, "spec", field)) is not None
        }
        spec["replicas"] = origin.replicas or self.wanted_copies(origin.target) or 1
        spec["selector"] = {"matchLabels": dict(origin.pair)}
        spec["template"] = primary_template(origin, spread=True)
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": primary_metadata(origin),
            "spec": spec,
        }

    def readiness(self, live: KubeObject, percent: int) -> Readiness:
        if (gone := _given_up(live)) is not None:
            return gone
        if (why := unobserved(live)) is not None:
            return NotYet(why)
        wanted, updated = self.wanted_copies(live), int_at(live, "status", "updatedReplicas") or 0
        if wanted == 0:
            return NotYet("it is scaled to zero")
        if updated < wanted:
            paused = "; it is paused" if at(live, "spec", "paused") is True else ""
            return NotYet(f"{updated} of {wanted} pods are updated{paused}")
        old = (int_at(live, "status", "replicas") or 0) - updated
        if old > 0:
            return NotYet(f"{old} old pods are still there")
        return _available(self.available_copies(live), updated, percent)

    def wanted_copies(self, live: KubeObject) -> int:
        replicas = int_at(live, "spec", "replicas")
        return 1 if replicas is None else replicas

    def available_copies(self, live: KubeObject) -> int:
        return int_at(live, "status", "availableReplicas") or 0

    def to_zero(self, live: KubeObject) -> Patch | None:
        return None if self.wanted_copies(live) == 0 else {"spec": {"replicas": 0}}

    def from_zero(self, live: KubeObject, copies: int) -> Patch | None:
        return {"spec": {"replicas": copies}} if self.wanted_copies(live) == 0 else None


def _available(available: int, updated: int, percent: int) -> Readiness:
    least = needed(updated, percent)
    if available >= least:
        return Ready()
    return NotYet(f"{available} of {updated} pods are available, {least} are needed")


def _given_up(live: KubeObject) -> Never | None:
    """The condition is about the newest template only once its generation is observed."""
    if unobserved(live) is not None:
        return None
    for condition in maps_at(live, "status", "conditions"):
        if (condition.get("type"), condition.get("reason")) == (
            "Progressing", "ProgressDeadlineExceeded",
        ):  # fmt: skip
            return Never(str(condition.get("message") or "its progress deadline has passed"))
    return None
