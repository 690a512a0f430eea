"""How Traefik names the primary and the canary of a slot, whichever of its providers made them.

TraefikService   <ns>-<apex>-<side>-<port>@kubernetescrd
HTTPRoute        <ns>-<apex>-<side>-http-<port>@kubernetesgateway, from Traefik 3.7 on
                 httproute-<ns>-<route>-…-svc-<ns>-<apex>-<side>-<index>@kubernetesgateway
Ingress          <ns>-<ingress>-<apex>-<port>[-canary]@kubernetesingressnginx
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workflows.model.identity import Slot
from workflows.model.plan import Traffic
from workflows.model.provider import GATEWAY_API, Provider

READ_FROM_ROUTER = frozenset({Provider.NGINX.value, Provider.TRAEFIK.value, *GATEWAY_API})
"""Providers behind which there may be a Traefik."""


@dataclass(frozen=True, slots=True)
class Names:
    """Which services of a router belong to a slot. A name that fits both is the canary's."""

    primary: re.Pattern[str]
    canary: re.Pattern[str]

    def primary_of(self, services: Iterable[str]) -> list[str]:
        return [one for one in services if self.primary.match(one) and not self.canary.match(one)]

    def canary_of(self, services: Iterable[str]) -> list[str]:
        return [one for one in services if self.canary.match(one)]

    def has_some_of(self, services: Iterable[str]) -> bool:
        return any(self.canary.match(one) or self.primary.match(one) for one in services)


PODS = Names(re.compile("primary$"), re.compile("canary$"))
"""Where the pods themselves are asked, the side is all the name there is."""


def names_of(slot: Slot, traffic: Traffic, ingress: str) -> Names:
    """The names for the provider of `traffic`."""
    if traffic.provider == Provider.NGINX:
        return _of_ingress(slot, traffic, ingress or traffic.service)
    name = re.escape(f"{slot.namespace}-{traffic.service}")
    made_by, forms = "kubernetescrd", f"{name}-%s-[0-9a-z-]+"
    if traffic.provider != Provider.TRAEFIK:
        route = f"httproute-{re.escape(slot.namespace)}-.+-svc-{name}-%s-[0-9]+"
        made_by, forms = "kubernetesgateway", f"{route}|{name}-%s-(?:[a-z]+-)?{traffic.port}"
    return Names(*(_side(forms, made_by, side) for side in ("primary", "canary")))


def _side(forms: str, made_by: str, side: str) -> re.Pattern[str]:
    return re.compile(f"(?:{forms.replace('%s', side)})@{made_by}$")


def _of_ingress(slot: Slot, traffic: Traffic, ingress: str) -> Names:
    """The canary's is told by a suffix, or by the names of its Ingress and Service."""
    start, service = re.escape(f"{slot.namespace}-{ingress}"), re.escape(traffic.service)
    rest, end = "[0-9a-z]+", "@kubernetesingressnginx$"
    return Names(
        re.compile(f"{start}-{service}(?:-primary)?-{rest}{end}"),
        re.compile(
            f"{start}(?:-canary)?-{service}-(?:{rest}-canary|canary-{rest}(?:-canary)?){end}"
        ),
    )
