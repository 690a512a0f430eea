"""Autoscalers: the primary's own copy of the target's, and the pause of KEDA's. Pure.

A HorizontalPodAutoscaler rests by itself while its target has no replicas; a ScaledObject must be
told to.
"""

from collections.abc import Mapping

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, at, int_at, map_at, maps_at, text_at, texts_at
from activities.workload.kind import Patch
from activities.workload.metadata import annotations_of
from activities.workload.selector import PRIMARY
from workflows.model.target import AutoscalerRef

PAUSE = "autoscaling.keda.sh/paused-replicas"
_PAUSES = frozenset({PAUSE, "autoscaling.keda.sh/paused"})
HPA = "HorizontalPodAutoscaler"
_API = {HPA: "autoscaling/v2", "ScaledObject": "keda.sh/v1alpha1"}
_LIMITS = {
    HPA: ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
}


def scaler_ref(scaler: AutoscalerRef, namespace: str) -> Ref:
    """The scaler of the target; only the version that Serinus can copy is read."""
    return Ref(_API[scaler.kind], scaler.kind, scaler.name, namespace)


def primary_scaler(
    scaler: AutoscalerRef, live: KubeObject, target: str, floor: int = 0
) -> KubeObject:
    """The primary's scaler. `floor` holds so many copies while users are away from the primary."""
    spec = dict(map_at(live, "spec"))
    spec["scaleTargetRef"] = {**map_at(spec, "scaleTargetRef"), "name": target + PRIMARY}
    spec.update(_limits(scaler, spec, floor))
    if scaler.kind != HPA:
        triggers = maps_at(live, "spec", "triggers")
        spec["triggers"] = [_trigger(each, scaler, target) for each in triggers]
        spec.update(_named(spec))
    annotations: dict[str, JsonValue] = {
        key: value for key, value in annotations_of(live).items() if key not in _PAUSES
    }
    return {
        "apiVersion": _API[scaler.kind],
        "kind": scaler.kind,
        "metadata": {
            "name": scaler.name + PRIMARY,
            "namespace": text_at(live, "metadata", "namespace"),
            "annotations": annotations,
        },
        "spec": spec,
    }


def least_copies(scaler: AutoscalerRef, live: KubeObject) -> int:
    """With how many copies a target that was at zero begins."""
    return max(1, int_at(live, "spec", _LIMITS[scaler.kind][0]) or 1)


def pause(scaler: AutoscalerRef, live: KubeObject) -> Patch | None:
    """Keep the target at zero; None where nothing needs to be said."""
    if scaler.kind == HPA or texts_at(live, "metadata", "annotations").get(PAUSE) == "0":
        return None
    return {"metadata": {"annotations": {PAUSE: "0"}}}


def resume(scaler: AutoscalerRef, live: KubeObject) -> Patch | None:
    """Let the target be scaled again."""
    if scaler.kind == HPA or PAUSE not in texts_at(live, "metadata", "annotations"):
        return None
    return {"metadata": {"annotations": {PAUSE: None}}}


def _limits(scaler: AutoscalerRef, spec: KubeObject, floor: int) -> dict[str, JsonValue]:
    least, most = _LIMITS[scaler.kind]
    own = scaler.primary_scaler_replicas
    low = own.min_replicas if own and own.min_replicas else int_at(spec, least)
    high = own.max_replicas if own and own.max_replicas else int_at(spec, most)
    if floor > (low or 0):
        low = min(floor, high) if high is not None else floor
    return {name: value for name, value in ((least, low), (most, high)) if value is not None}


def _named(spec: KubeObject) -> dict[str, JsonValue]:
    """KEDA makes an HPA of this name; two of one name would fight."""
    config = map_at(spec, "advanced", "horizontalPodAutoscalerConfig")
    name = text_at(config, "name")
    if not name:
        return {}
    own: dict[str, JsonValue] = {**config, "name": name + PRIMARY}
    return {"advanced": {**map_at(spec, "advanced"), "horizontalPodAutoscalerConfig": own}}


def _trigger(
    trigger: Mapping[str, JsonValue], scaler: AutoscalerRef, target: str
) -> dict[str, JsonValue]:
    """Its query asks about the primary."""
    query = at(trigger, "metadata", "query")
    if not isinstance(query, str):
        return dict(trigger)
    queries = scaler.primary_scaler_queries
    own = queries.get(text_at(trigger, "name"), query)
    query = own if queries else rewritten(query, target)
    return {**trigger, "metadata": {**map_at(trigger, "metadata"), "query": query}}


def rewritten(query: str, target: str) -> str:
    """`<target>-canary` and `<target>` become `<target>-primary`; what is so already stays."""
    plain = query.replace(f"{target}-canary", target).replace(target + PRIMARY, target)
    return plain.replace(target, target + PRIMARY)
