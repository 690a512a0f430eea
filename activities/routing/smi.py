"""SMI's `TrafficSplit`, by which Linkerd and Open Service Mesh are driven.

v1alpha1 writes weights as quantities, the later versions as integers.
"""

import json
import re
from functools import partial

from activities.kube.objects import KubeObject, at, maps_at, text_at
from activities.routing.apex_object import ApexObjectRouter, Texts
from activities.routing.parts import JsonMap, split
from activities.routing.router import Rollout
from workflows.model.plan import Routes

GATEWAYS = "VirtualService.v1alpha3.networking.istio.io/spec.gateways"
"""Read by the SMI adapter of Istio."""


def smi(version: str, mesh: str = "") -> ApexObjectRouter:
    """The router of one API version; `mesh` is the suffix of `smi:v1alpha1:istio`."""
    return ApexObjectRouter(
        f"split.smi-spec.io/{version}",
        "TrafficSplit",
        partial(_spec, quantities=version == "v1alpha1"),
        _read,
        texts=partial(_texts, mesh=mesh),
    )


def _texts(rollout: Rollout, *, mesh: str) -> Texts:
    gateways = rollout.canary.service.gateways
    if mesh != "istio" or not gateways:
        return {}, {}
    return {}, {GATEWAYS: json.dumps(gateways, separators=(",", ":"))}


def _spec(rollout: Rollout, routes: Routes, *, quantities: bool) -> JsonMap:
    hosts = rollout.canary.service.hosts
    weights = ((rollout.canary_service, routes.canary), (rollout.primary, routes.primary))
    return {
        "service": hosts[0] if hosts else rollout.apex,
        "backends": [
            {"service": name, "weight": str(weight) if quantities else weight}
            for name, weight in weights
        ],
    }


def _read(rollout: Rollout, live: KubeObject) -> Routes | None:
    backends = maps_at(live, "spec", "backends")
    weights = [(text_at(each, "service"), _weight(each)) for each in backends]
    return split(weights, rollout.primary, rollout.canary_service)


def _weight(backend: KubeObject) -> int | None:
    """A whole quantity or an integer; `500m` and the like are nothing that Serinus writes."""
    text = str(at(backend, "weight"))
    return int(text) if re.fullmatch("[0-9]{1,3}", text) else None


V1ALPHA1, V1ALPHA2, V1ALPHA3 = smi("v1alpha1"), smi("v1alpha2"), smi("v1alpha3")
LINKERD, OSM = V1ALPHA1, V1ALPHA2
