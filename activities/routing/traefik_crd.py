"""Traefik's `TraefikService`: the user's IngressRoute names it, it weighs the two Services.

The canary is left out at weight 0: without `allowEmptyServices`, Traefik drops a whole
TraefikService that names a Service without endpoints, and between releases the canary has none.
"""

from pydantic import JsonValue

from activities.kube.objects import KubeObject, int_at, maps_at, text_at
from activities.routing.apex_object import ApexObjectRouter
from activities.routing.parts import JsonMap, port, split
from activities.routing.router import Rollout
from workflows.model.plan import Routes


def _spec(rollout: Rollout, routes: Routes) -> JsonMap:
    services: list[JsonValue] = [_service(rollout, rollout.primary, routes.primary)]
    if routes.canary:
        services.append(_service(rollout, rollout.canary_service, routes.canary))
    return {"weighted": {"services": services}}


def _service(rollout: Rollout, name: str, weight: int) -> JsonMap:
    return {"name": name, "namespace": rollout.namespace, "port": port(rollout), "weight": weight}


def _read(rollout: Rollout, live: KubeObject) -> Routes | None:
    services = maps_at(live, "spec", "weighted", "services")
    weights = [(text_at(each, "name"), int_at(each, "weight")) for each in services]
    return split(weights, rollout.primary, rollout.canary_service)


TRAEFIK = ApexObjectRouter("traefik.io/v1alpha1", "TraefikService", _spec, _read)
