"""Which provider's series say what; `workflows.checks` asks it for the text of a built-in check."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from workflows.model.check_spec import DURATION, SUCCESS_RATE
from workflows.model.provider import Provider
from workflows.queries import envoy, ingress, mesh, pods
from workflows.queries.promql import Signals, p99, success_rate
from workflows.queries.subject import Subject

Family = Callable[[Subject], Signals | None]

FAMILIES: Mapping[Provider, Family] = MappingProxyType(
    {
        Provider.APISIX: ingress.apisix,
        Provider.APPMESH: pods.app_mesh,
        Provider.APPMESH_V1BETA2: pods.app_mesh,
        Provider.CONTOUR: envoy.contour,
        Provider.GATEWAY_API_V1: pods.application,
        Provider.GATEWAY_API_V1BETA1: pods.application,
        Provider.GLOO: envoy.gloo,
        Provider.ISTIO: mesh.istio,
        Provider.KNATIVE: envoy.knative,
        Provider.KUBERNETES: pods.application,
        Provider.KUMA: envoy.kuma,
        Provider.LINKERD: mesh.linkerd,
        Provider.NGINX: ingress.nginx,
        Provider.OSM: mesh.osm,
        Provider.SKIPPER: ingress.skipper,
        Provider.SMI_V1ALPHA1: mesh.istio,
        Provider.SMI_V1ALPHA2: mesh.istio,
        Provider.SMI_V1ALPHA3: mesh.istio,
        Provider.TRAEFIK: ingress.traefik,
    }
)
"""Every provider but `local`, whose checks are counted without Prometheus."""


def built_in(check: str, provider: Provider, of: Subject) -> str | None:
    """The query of `request-success-rate` or `request-duration`; None where nothing can answer."""
    family = FAMILIES.get(provider)
    signals = None if family is None else family(of)
    if signals is None:
        return None
    if check == SUCCESS_RATE:
        return success_rate(signals.requests, of.window)
    return p99(signals.durations, of.window) if check == DURATION else None
