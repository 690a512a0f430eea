"""Which router serves which provider; the only place that knows them all.

Read by `activities.routing.kube`. A new provider is one module and one line here.
"""

from collections.abc import Mapping

from activities.routing import smi
from activities.routing.apisix import APISIX
from activities.routing.appmesh import APPMESH
from activities.routing.appmesh_v1beta2 import APPMESH_V1BETA2
from activities.routing.contour import CONTOUR
from activities.routing.gateway_api import V1, V1BETA1, GatewayApiRouter
from activities.routing.gloo import GLOO
from activities.routing.istio import IstioRouter
from activities.routing.knative import KNATIVE
from activities.routing.kubernetes import KubernetesRouter
from activities.routing.kuma import KUMA
from activities.routing.nginx import NGINX
from activities.routing.router import Router
from activities.routing.skipper import SKIPPER
from activities.routing.traefik_crd import TRAEFIK
from workflows.model.provider import Provider

ROUTERS: Mapping[Provider, Router] = {
    Provider.APISIX: APISIX,
    Provider.APPMESH: APPMESH,
    Provider.APPMESH_V1BETA2: APPMESH_V1BETA2,
    Provider.CONTOUR: CONTOUR,
    Provider.GATEWAY_API_V1: GatewayApiRouter(V1),
    Provider.GATEWAY_API_V1BETA1: GatewayApiRouter(V1BETA1),
    Provider.GLOO: GLOO,
    Provider.ISTIO: IstioRouter(),
    Provider.KNATIVE: KNATIVE,
    Provider.KUBERNETES: KubernetesRouter(),
    Provider.KUMA: KUMA,
    Provider.LINKERD: smi.LINKERD,
    Provider.NGINX: NGINX,
    Provider.OSM: smi.OSM,
    Provider.SKIPPER: SKIPPER,
    Provider.SMI_V1ALPHA1: smi.V1ALPHA1,
    Provider.SMI_V1ALPHA2: smi.V1ALPHA2,
    Provider.SMI_V1ALPHA3: smi.V1ALPHA3,
    Provider.TRAEFIK: TRAEFIK,
}
