"""Core Services as targets: `-primary` and `-canary` are clones of the target. Pure.

There is no workload behind a Service that Serinus may scale; a revision is what its spec says,
for example which pods it selects.
"""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from activities.kube.objects import KubeObject, map_at, maps_at, text_at
from activities.workload.metadata import REVISION, annotations_of, labels_of

CANARY = "-canary"
_ASSIGNED = (
    "clusterIP",
    "clusterIPs",
    "healthCheckNodePort",
    "ipFamilies",
    "ipFamilyPolicy",
    "loadBalancerIP",
)


def clone_of(
    target: KubeObject,
    suffix: str,
    revision: str,
    live: KubeObject | None,
    prefixes: Sequence[str] = (),
) -> KubeObject:
    """A Service that does what the target does; what the cluster gave to a live one is kept."""
    metadata: dict[str, JsonValue] = {
        "name": text_at(target, "metadata", "name") + suffix,
        "namespace": text_at(target, "metadata", "namespace"),
        "labels": dict(labels_of(target, prefixes)),
        "annotations": {**annotations_of(target), REVISION: revision},
    }
    wanted = map_at(target, "spec")
    spec = {name: value for name, value in wanted.items() if name not in _ASSIGNED}
    if wanted.get("clusterIP") == "None":
        spec["clusterIP"] = "None"
    spec["ports"] = _ports(wanted, map_at(live or {}, "spec"))
    kept = {name: value for name, value in map_at(live or {}, "spec").items() if name in _ASSIGNED}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {**spec, **kept}}


def _ports(wanted: Mapping[str, JsonValue], live: Mapping[str, JsonValue]) -> list[JsonValue]:
    """Node ports are the cluster's: a live one keeps its own, a new one gets another."""
    given = {text_at(port, "name"): port["nodePort"] for port in maps_at(live, "ports")
             if "nodePort" in port}  # fmt: skip
    ports: list[JsonValue] = []
    for port in maps_at(wanted, "ports"):
        kept = {name: value for name, value in port.items() if name != "nodePort"}
        name = text_at(port, "name")
        ports.append({**kept, "nodePort": given[name]} if name in given else kept)
    return ports
