"""DaemonSets: no replicas and no scaler; a node selector that no node has keeps their pods away.

Pure.
"""

from pydantic import JsonValue

from activities.kube.objects import KubeObject, at, int_at, map_at, text_at
from activities.workload.kind import Patch, unobserved
from activities.workload.pods import Origin, primary_metadata, primary_template
from activities.workload.readiness import NotYet, Readiness, Ready, needed
from workflows.errors import Reason, failure
from workflows.model.revision import SCALE_TO_ZERO

_COPIED = ("minReadySeconds", "revisionHistoryLimit", "updateStrategy")


class DaemonSets:
    """Follows `PodKind`."""

    api_version = "apps/v1"
    kind = "DaemonSet"

    def primary(self, origin: Origin) -> KubeObject:
        _refuse_on_delete(origin.target)
        spec: dict[str, JsonValue] = {
            field: value
            for field in _COPIED
            if (value := at(origin.target, "spec", field)) is not None
        }
        spec["selector"] = {"matchLabels": dict(origin.pair)}
        spec["template"] = _awake(primary_template(origin, spread=False))
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": primary_metadata(origin),
            "spec": spec,
        }

    def readiness(self, live: KubeObject, percent: int) -> Readiness:
        if (why := unobserved(live)) is not None:
            return NotYet(why)
        wanted = int_at(live, "status", "desiredNumberScheduled") or 0
        updated = int_at(live, "status", "updatedNumberScheduled") or 0
        if wanted == 0:
            return NotYet("it fits no node")
        if updated < wanted:
            return NotYet(f"{updated} of {wanted} pods are updated")
        available, least = self.available_copies(live), needed(wanted, percent)
        if available >= least:
            return Ready()
        return NotYet(f"{available} of {wanted} pods are available, {least} are needed")

    def wanted_copies(self, live: KubeObject) -> int:
        return 0 if _asleep(live) else int_at(live, "status", "desiredNumberScheduled") or 1

    def available_copies(self, live: KubeObject) -> int:
        return int_at(live, "status", "numberAvailable") or 0

    def to_zero(self, live: KubeObject) -> Patch | None:
        return None if _asleep(live) else _selecting("true")

    def from_zero(self, live: KubeObject, copies: int) -> Patch | None:
        return _selecting(None) if _asleep(live) and copies else None


def _asleep(live: KubeObject) -> bool:
    return SCALE_TO_ZERO in map_at(live, "spec", "template", "spec", "nodeSelector")


def _selecting(value: str | None) -> Patch:
    return {"spec": {"template": {"spec": {"nodeSelector": {SCALE_TO_ZERO: value}}}}}


def _awake(template: dict[str, JsonValue]) -> dict[str, JsonValue]:
    pod = map_at(template, "spec")
    nodes = map_at(pod, "nodeSelector")
    if SCALE_TO_ZERO not in nodes:
        return template
    kept: dict[str, JsonValue] = {key: each for key, each in nodes.items() if key != SCALE_TO_ZERO}
    return {**template, "spec": {**pod, "nodeSelector": kept}}


def _refuse_on_delete(target: KubeObject) -> None:
    strategy = text_at(target, "spec", "updateStrategy", "type")
    if strategy not in ("", "RollingUpdate"):
        name = text_at(target, "metadata", "name")
        raise failure(
            Reason.INVALID_MANIFEST,
            f"DaemonSet {name} has updateStrategy {strategy}, which never replaces a pod; "
            "set it to RollingUpdate",
            retryable=False,
        )
