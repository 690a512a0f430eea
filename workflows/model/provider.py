"""The providers that move traffic, and what each one can do.

The table follows Flagger 1.44's routers; `workflows.model.fitness` refuses what a provider
cannot do, `workflows.compile` and the platforms ask for the rest.
"""

from enum import StrEnum

from workflows.model.value import Record


class Provider(StrEnum):
    """Who routes users; Flagger's names, and `local` for processes on one machine."""

    APISIX = "apisix"
    APPMESH = "appmesh"
    APPMESH_V1BETA2 = "appmesh:v1beta2"
    CONTOUR = "contour"
    GATEWAY_API_V1 = "gatewayapi:v1"
    GATEWAY_API_V1BETA1 = "gatewayapi:v1beta1"
    GLOO = "gloo"
    ISTIO = "istio"
    KNATIVE = "knative"
    KUBERNETES = "kubernetes"
    KUMA = "kuma"
    LINKERD = "linkerd"
    LOCAL = "local"
    NGINX = "nginx"
    OSM = "osm"
    SKIPPER = "skipper"
    SMI_V1ALPHA1 = "smi:v1alpha1"
    SMI_V1ALPHA2 = "smi:v1alpha2"
    SMI_V1ALPHA3 = "smi:v1alpha3"
    TRAEFIK = "traefik"

    @property
    def abilities(self) -> "Abilities":
        """What this provider can do."""
        return ABILITIES.get(self, Abilities())


class Abilities(Record):
    """What a provider can do. `ab` names the conditions of `analysis.match` it honours."""

    ab: frozenset[str] = frozenset()
    forms: frozenset[str] = frozenset({"exact", "prefix", "suffix", "regex"})
    blue_green: bool = True
    mirror_weighted: bool = False
    mirror_blue_green: bool = False


_HEADERS = frozenset({"headers"})
_HTTP = frozenset({"headers", "queryParams"})
_GATEWAY_API = Abilities(ab=_HTTP, forms=frozenset({"exact", "regex"}), mirror_blue_green=True)

ABILITIES = {
    Provider.ISTIO: Abilities(
        ab=_HTTP | {"sourceLabels"},
        forms=frozenset({"exact", "prefix", "regex"}),
        mirror_weighted=True,
        mirror_blue_green=True,
    ),
    Provider.LOCAL: Abilities(ab=_HTTP, mirror_weighted=True, mirror_blue_green=True),
    Provider.GATEWAY_API_V1: _GATEWAY_API,
    Provider.GATEWAY_API_V1BETA1: _GATEWAY_API,
    Provider.APPMESH: Abilities(ab=_HEADERS),
    Provider.APPMESH_V1BETA2: Abilities(ab=_HEADERS),
    Provider.CONTOUR: Abilities(ab=_HEADERS, forms=frozenset({"exact", "prefix", "suffix"})),
    Provider.GLOO: Abilities(ab=_HEADERS, forms=frozenset({"exact", "regex"})),
    Provider.NGINX: Abilities(ab=_HEADERS, forms=frozenset({"exact", "regex"})),
    Provider.KNATIVE: Abilities(blue_green=False),
}
GATEWAY_API = frozenset({Provider.GATEWAY_API_V1, Provider.GATEWAY_API_V1BETA1})
