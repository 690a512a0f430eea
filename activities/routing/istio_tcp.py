"""The TCP rule of a VirtualService, for services with `appProtocol: tcp`. Pure.

Used by `activities.routing.istio`. Nothing but weights: TCP has no headers to match or answer
with, and Istio mirrors requests, not connections.
"""

from pydantic import JsonValue

from activities.routing.istio_http import weighted_destinations
from activities.routing.router import Rollout, RouteError
from workflows.model.http_match import HttpMatch
from workflows.model.plan import Routes

_CONDITIONS = {"port", "source_labels", "gateways", "source_namespace"}


def tcp_rules(rollout: Rollout, routes: Routes) -> list[JsonValue]:
    """What `spec.tcp` says for these routes."""
    analysis = rollout.canary.analysis
    if routes.mirrored or analysis.match or analysis.session_affinity:
        raise RouteError(
            f"VirtualService {rollout.namespace}/{rollout.apex}: TCP has no mirroring, A/B test or "
            "session affinity; leave them out of the analysis, or set service.appProtocol to http"
        )
    matches = [_l4(match) for match in rollout.canary.service.match]
    rule: dict[str, JsonValue] = {"route": weighted_destinations(rollout, routes)}
    # Conditions are alternatives: one that says nothing of connections lets all of them in.
    if matches and all(matches):
        rule["match"] = [*matches]
    return [rule]


def _l4(match: HttpMatch) -> dict[str, JsonValue]:
    return match.model_dump(mode="json", by_alias=True, exclude_defaults=True, include=_CONDITIONS)
