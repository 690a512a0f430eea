"""The three Services of a Canary: apex, primary and canary. Pure.

`activities.routing.kube` writes them beside the router's objects. A target that is a Service
itself has its copies made by `activities.workload`, a Knative Service needs none.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, map_at, maps_at, text_at, texts_at
from activities.routing.apex_object import claimed, undone
from activities.routing.before import BEFORE, noted, remembering
from activities.routing.parts import (
    FLUX_OPT_OUT,
    LAST_APPLIED,
    JsonMap,
    copied,
    is_ours,
    metadata,
    object_of,
    port,
)
from activities.routing.router import Live, Rollout, Wanted
from workflows.model.service import CustomMetadata
from workflows.model.target import TargetKind

_PROXIES = frozenset({"istio-proxy", "envoy"})
_OURS = "serinus.dev/"


@dataclass(frozen=True, slots=True)
class FoundPort:
    """A port of the target's containers beside the main one."""

    name: str
    number: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class _Role:
    """One of the three, and the pods it leads to."""

    name: str
    pods: str
    texts: CustomMetadata | None


def services_read(rollout: Rollout) -> tuple[Ref, ...]:
    """The Services to look at first; none where the target brings its own."""
    return tuple(_ref(rollout, role) for role in _roles(rollout))


def found_ports(rollout: Rollout, containers: Sequence[JsonMap]) -> tuple[FoundPort, ...]:
    """With `portDiscovery`, every other port of the target; names are made to differ."""
    service = rollout.canary.service
    if not service.port_discovery:
        return ()
    taken, numbers = {service.port_name}, {(service.port, "TCP")}
    found: list[FoundPort] = []
    for each in _container_ports(containers):
        if service.container_port in (each.number, each.name) or service.port == each.number:
            continue
        if (each.number, each.protocol) not in numbers:
            name = each.name if each.name not in taken else f"{each.name}-{each.number}"
            name = name if name not in taken else f"{name}-{each.protocol.lower()}"
            found.append(FoundPort(name, each.number, each.protocol))
            taken.add(name)
            numbers.add((each.number, each.protocol))
    return tuple(found)


def services_wanted(
    rollout: Rollout, *, ports: Sequence[FoundPort] = (), live: Live, apex: bool = True
) -> tuple[Wanted, ...]:
    """Each Service for itself, as one that existed before is not ours to own.

    Without `apex` users stay where they are: the primary must be ready before it serves them.
    """
    roles = [role for role in _roles(rollout) if apex or role.name != rollout.apex]
    return tuple(_wanted(rollout, role, ports, live.get(_ref(rollout, role))) for role in roles)


def services_undone(rollout: Rollout, live: Live) -> tuple[Wanted, ...]:
    """Ours go; one that was there before finds the pods again that it found then."""
    return tuple(
        undone(rollout, (_ref(rollout, role),), _with_memory(rollout, role, live))
        for role in _roles(rollout)
    )


def _roles(rollout: Rollout) -> tuple[_Role, ...]:
    if rollout.canary.target_ref.kind is TargetKind.SERVICE:
        return ()
    service, pods = rollout.canary.service, rollout.selector_label[1]
    return (
        _Role(rollout.primary, f"{pods}-primary", service.primary),
        _Role(rollout.canary_service, pods, service.canary),
        _Role(rollout.apex, f"{pods}-primary", service.apex),
    )


def _ref(rollout: Rollout, role: _Role) -> Ref:
    return Ref("v1", "Service", role.name, rollout.namespace)


def _wanted(
    rollout: Rollout, role: _Role, ports: Sequence[FoundPort], live: KubeObject | None
) -> Wanted:
    ref, spec = _ref(rollout, role), _spec(rollout, role, ports, live)
    if live is None or is_ours(rollout, live):
        if _headless(rollout, live):
            spec["clusterIP"] = "None"
        return claimed(rollout, object_of(ref, _texts(rollout, role, live or {}), spec), live)
    # Flux would set the selector back, to pods that are scaled to zero.
    adopted = object_of(ref, metadata(ref, annotations=FLUX_OPT_OUT), spec)
    text = _memory(rollout, role, live)
    made = noted(adopted, text) if text else remembering(adopted, live)
    return Wanted(objects=(made,), owned=False)


def _headless(rollout: Rollout, live: KubeObject | None) -> bool:
    """An address is given once: `headless` is for new Services only."""
    if live is None:
        return rollout.canary.service.headless
    return text_at(live, "spec", "clusterIP") == "None"


def _spec(
    rollout: Rollout, role: _Role, ports: Sequence[FoundPort], live: KubeObject | None
) -> JsonMap:
    service = rollout.canary.service
    nodes = {text_at(each, "name"): each["nodePort"]
             for each in maps_at(live or {}, "spec", "ports") if each.get("nodePort")}  # fmt: skip
    main: JsonMap = {
        "name": service.port_name,
        "port": port(rollout),
        "targetPort": service.container_port,
        "protocol": "TCP",
    }
    if service.app_protocol is not None:
        main["appProtocol"] = service.app_protocol
    every: list[JsonMap] = [main, *(_port(each) for each in ports)]
    for each in every:
        if text_at(each, "name") in nodes:
            each["nodePort"] = nodes[text_at(each, "name")]
    spec: JsonMap = {"selector": {rollout.selector_label[0]: role.pods}, "ports": [*every]}
    if service.traffic_distribution is not None:
        spec["trafficDistribution"] = service.traffic_distribution
    return spec


def _port(each: FoundPort) -> JsonMap:
    return {"name": each.name, "port": each.number, "targetPort": each.number,
            "protocol": each.protocol}  # fmt: skip


def _texts(rollout: Rollout, role: _Role, live: KubeObject) -> JsonMap:
    """Exactly these texts, but for `unmanagedMetadata`; all others are taken away."""
    given = role.texts or CustomMetadata()
    free = rollout.canary.service.unmanaged_metadata
    labels = {**copied(given.labels), rollout.selector_label[0]: role.name}
    annotations = {**copied(given.annotations), **FLUX_OPT_OUT}
    meta = metadata(_ref(rollout, role))
    meta["labels"] = _exactly(labels, texts_at(live, "metadata", "labels"),
                              free.labels if free else ())  # fmt: skip
    meta["annotations"] = _exactly(annotations, texts_at(live, "metadata", "annotations"),
                                   free.annotations if free else ())  # fmt: skip
    return meta


def _exactly(wanted: Mapping[str, str], live: Mapping[str, str], free: Sequence[str]) -> JsonMap:
    kept = {name: text for name, text in wanted.items() if name not in live or name not in free}
    managed = (name for name in live if name not in free and not name.startswith(_OURS))
    surplus = [name for name in managed if name not in wanted]
    return {**kept, **dict.fromkeys(surplus)}


def _memory(rollout: Rollout, role: _Role, live: KubeObject) -> str:
    """What to remember of a Service that Flagger adopted and left no memory of; else empty."""
    known = text_at(live, "metadata", "annotations", BEFORE)
    key = rollout.selector_label[0]
    if known or role.name != rollout.apex or map_at(live, "spec", "selector") != {key: role.pods}:
        return known
    spec: JsonMap = {"ports": [*maps_at(live, "spec", "ports")], "selector": _applied(live)
                     or {key: rollout.selector_label[1]}}  # fmt: skip
    texts: JsonMap = dict.fromkeys(FLUX_OPT_OUT)
    return json.dumps({"spec": spec, "annotations": texts}, separators=(",", ":"))


def _applied(live: KubeObject) -> JsonMap:
    """The selector that the user last applied, if it was with kubectl."""
    try:
        applied: JsonValue = json.loads(text_at(live, "metadata", "annotations", LAST_APPLIED))
    except ValueError:
        return {}
    return map_at(applied, "spec", "selector") if isinstance(applied, dict) else {}


def _with_memory(rollout: Rollout, role: _Role, live: Live) -> Live:
    ref = _ref(rollout, role)
    if ref not in live or is_ours(rollout, live[ref]):
        return live
    text = _memory(rollout, role, live[ref])
    return {**live, ref: noted(live[ref], text)} if text else live


def _container_ports(containers: Sequence[JsonMap]) -> Sequence[FoundPort]:
    found: list[FoundPort] = []
    for container in containers:
        if text_at(container, "name") in _PROXIES:
            continue
        for at, each in enumerate(maps_at(container, "ports")):
            number = each.get("containerPort")
            if isinstance(number, int):
                name = text_at(each, "name") or f"tcp-{text_at(container, 'name')}-{at}"
                found.append(FoundPort(name, number, text_at(each, "protocol") or "TCP"))
    return found
