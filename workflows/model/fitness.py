"""Whether a Canary fits its provider and target: what could never run is refused.

`CanarySpec` asks when the provider is known from the manifest. Where it comes from the
controller's default, whoever knows that default asks `unfit` again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workflows.model.plan import Strategy
from workflows.model.problem import Problem, joined
from workflows.model.provider import GATEWAY_API, Provider
from workflows.model.target import TargetKind

if TYPE_CHECKING:
    from workflows.model.canary import CanarySpec


def unfit(spec: CanarySpec, provider: Provider) -> Iterator[Problem]:
    """Everything that the provider, or the target under it, cannot do."""
    yield from _pairing(spec, provider)
    yield from _needs(spec, provider)
    yield from _strategy(spec, provider)
    yield from _conditions(spec, provider)
    yield from _mirror(spec, provider)
    yield from _tcp(spec, provider)
    if provider is Provider.LOCAL and spec.analysis.session_affinity:
        yield _cannot("analysis.sessionAffinity", "session affinity", provider, "istio, gatewayapi")


def unfit_target(spec: CanarySpec) -> Iterator[Problem]:
    """What no provider can do with this target."""
    target = spec.target_ref
    if spec.service.port is None and target.kind is not TargetKind.SERVICE:
        message = "is required: the apex service would have no port"
        yield Problem(path="service.port", message=message, allowed="1 to 65535")
    if spec.autoscaler_ref and (target.is_knative or target.is_process):
        kind = "Knative Service" if target.is_knative else "Process"
        yield Problem(path="autoscalerRef", message=f"cannot scale a {kind}",
                      value=spec.autoscaler_ref.name, allowed="leave it out")  # fmt: skip


def _pairing(spec: CanarySpec, provider: Provider) -> Iterator[Problem]:
    target = spec.target_ref
    if (provider is Provider.LOCAL) != target.is_process:
        allowed = "local" if target.is_process else "any provider but local"
        yield Problem(path="provider", value=provider, allowed=allowed,
                      message=f"cannot route to a {target.kind}")  # fmt: skip
    if (provider is Provider.KNATIVE) != target.is_knative:
        yield Problem(path="provider", value=provider,
                      message=f"does not fit targetRef {target.api_version} {target.kind}",
                      allowed="knative, with a Service of serving.knative.dev/v1")  # fmt: skip


def _needs(spec: CanarySpec, provider: Provider) -> Iterator[Problem]:
    service = spec.service
    needs = {
        "ingressRef": ({Provider.NGINX, Provider.SKIPPER}, spec.ingress_ref),
        "routeRef": ({Provider.APISIX}, spec.route_ref),
        "service.gatewayRefs": (GATEWAY_API, service.gateway_refs),
        "service.meshName": ({Provider.APPMESH}, service.mesh_name),
    }
    for path, (providers, given) in needs.items():
        if provider in providers and not given:
            yield Problem(path=path, message=f"is required by provider {provider}")
    if provider is Provider.APPMESH_V1BETA2 and isinstance(service.target_port, str):
        yield Problem(path="service.targetPort", value=service.target_port,
                      message="must be a number for provider appmesh:v1beta2")  # fmt: skip
    if provider is Provider.ISTIO and service.delegation:
        for path, names in (("hosts", service.hosts), ("gateways", service.gateways)):
            if names:
                yield Problem(path=joined("service", path), value=", ".join(names),
                              message="cannot be set with delegation: the parent route has it",
                              allowed="leave it out")  # fmt: skip


def _strategy(spec: CanarySpec, provider: Provider) -> Iterator[Problem]:
    abilities = provider.abilities
    strategy = spec.analysis.strategy
    if strategy is Strategy.AB and not abilities.ab:
        yield _cannot("analysis.match", "A/B tests", provider, "istio, gatewayapi, nginx, contour, "
                      "gloo, appmesh, local")  # fmt: skip
    if strategy is Strategy.BLUE_GREEN and not abilities.blue_green:
        yield _cannot("analysis.iterations", "blue/green", provider, "stepWeight or stepWeights")


def _conditions(spec: CanarySpec, provider: Provider) -> Iterator[Problem]:
    abilities = provider.abilities
    if spec.analysis.strategy is not Strategy.AB or not abilities.ab:
        return
    for at, match in enumerate(spec.analysis.match):
        path = f"analysis.match[{at}]"
        for condition in match.conditions:
            if condition not in abilities.ab:
                yield _cannot(joined(path, condition), condition, provider,
                              ", ".join(sorted(abilities.ab)))  # fmt: skip
        for group, texts in (("headers", match.headers), ("queryParams", match.query_params)):
            for name, text in texts.items():
                yield from (
                    _cannot(joined(path, f"{group}.{name}.{form}"), f"`{form}`", provider,
                            ", ".join(sorted(abilities.forms)))
                    for form in text.forms
                    if form not in abilities.forms
                )  # fmt: skip
    if provider is Provider.NGINX:
        yield from _nginx_headers(spec)


def _nginx_headers(spec: CanarySpec) -> Iterator[Problem]:
    names = {name for match in spec.analysis.match for name in match.headers}
    names.discard("cookie")
    if len(names) > 1:
        yield Problem(path="analysis.match", value=", ".join(sorted(names)),
                      message="nginx keeps one header only, and which one is chance",
                      allowed="one header and one cookie")  # fmt: skip


def _mirror(spec: CanarySpec, provider: Provider) -> Iterator[Problem]:
    abilities = provider.abilities
    strategy = spec.analysis.strategy
    if not spec.analysis.mirror or strategy is Strategy.AB:
        return
    weighted = strategy is Strategy.WEIGHTED
    if not (abilities.mirror_weighted if weighted else abilities.mirror_blue_green):
        allowed = "istio, local" if weighted else "istio, gatewayapi, local"
        yield _cannot("analysis.mirror", f"mirroring ({strategy})", provider, allowed)


def _tcp(spec: CanarySpec, provider: Provider) -> Iterator[Problem]:
    if provider is not Provider.ISTIO or not spec.service.is_tcp:
        return
    unusable = {
        "analysis.mirror": spec.analysis.mirror,
        "analysis.match": spec.analysis.match,
        "analysis.sessionAffinity": spec.analysis.session_affinity,
    }
    for path, given in unusable.items():
        if given:
            yield Problem(path=path, message="cannot be done with service.appProtocol tcp",
                          allowed="leave it out, or appProtocol http")  # fmt: skip


def _cannot(path: str, what: str, provider: Provider, allowed: str) -> Problem:
    return Problem(path=path, message=f"provider {provider} has no {what}",
                   allowed=allowed)  # fmt: skip
