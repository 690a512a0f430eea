"""Gateway API: one HTTPRoute for the apex, confirmed by every parent it attaches to. Pure.

In `activities.routing.registry`, once for each version of the API that Flagger names. Rules are
made in `gateway_rules`. What the API server would fill in is written out, so that what is read
back is what was written.
"""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, int_at, list_at, maps_at, text_at
from activities.routing.apex_object import undone
from activities.routing.gateway_filters import MIRROR
from activities.routing.gateway_rules import V1, V1BETA1, Version, rules
from activities.routing.parts import apex_texts, matches, metadata, object_of, split
from activities.routing.router import Live, Rollout, RouteError, Wanted
from activities.routing.take_over import taken_over
from workflows.model.http_match import ParentReference
from workflows.model.plan import Routes

__all__ = ["V1", "V1BETA1", "GatewayApiRouter"]

ACCEPTED = "Accepted"
RESOLVED = "ResolvedRefs"
CORE = "core"


class GatewayApiRouter:
    """By weight, A/B, blue/green, mirroring and affinity, on gateways and on Linkerd."""

    def __init__(self, version: Version) -> None:
        self._version = version

    def reads(self, rollout: Rollout) -> tuple[Ref, ...]:
        return (self._ref(rollout),)

    def wanted(self, rollout: Rollout, routes: Routes, live: Live) -> Wanted:
        service = rollout.canary.service
        if not service.gateway_refs:
            raise RouteError(
                f"{self._ref(rollout)} has nothing to attach to: set service.gatewayRefs"
            )
        spec: dict[str, JsonValue] = {
            "parentRefs": [_plain(parent) for parent in service.gateway_refs],
            "rules": rules(self._version, rollout, routes),
        }
        if service.hosts:
            spec["hostnames"] = [*service.hosts]
        labels, annotations = apex_texts(rollout)
        ref = self._ref(rollout)
        whole = object_of(ref, metadata(ref, labels=labels, annotations=annotations), spec)
        return Wanted(objects=(taken_over(rollout, whole, live.get(ref)),))

    def routes_of(self, rollout: Rollout, live: Live) -> Routes | None:
        """The routes of the HTTPRoute, if its rules are just those that Serinus writes."""
        found = live.get(self._ref(rollout))
        if found is None:
            return None
        seen = _seen(rollout, maps_at(found, "spec", "rules"))
        if seen is None:
            return None
        written = rules(self._version, rollout, seen)
        return seen if [*list_at(found, "spec", "rules")] == written else None

    def waiting(self, rollout: Rollout, live: Live) -> str | None:
        """Every parent must have accepted this very generation, and found the Services."""
        found = live.get(self._ref(rollout))
        if found is None:
            return f"{self._ref(rollout)} is not there"
        for parent in rollout.canary.service.gateway_refs:
            if reason := _refusal(rollout, found, parent):
                return f"{self._ref(rollout)}: {parent.kind} {parent.name} {reason}"
        return None

    def undone(self, rollout: Rollout, live: Live) -> Wanted:
        return undone(rollout, self.reads(rollout), live)

    def _ref(self, rollout: Rollout) -> Ref:
        return Ref(self._version.api, "HTTPRoute", rollout.apex, rollout.namespace)


def _plain(parent: ParentReference) -> dict[str, JsonValue]:
    return parent.model_dump(mode="json", by_alias=True, exclude_none=True)


def _seen(rollout: Rollout, found: Sequence[Mapping[str, JsonValue]]) -> Routes | None:
    """The weights of the rule that has them: the test's, or the last one after cookies."""
    if not found:
        return None
    rule = found[0] if matches(rollout) else found[-1]
    weights = [(text_at(side, "name"), int_at(side, "weight"))
               for side in maps_at(rule, "backendRefs")]  # fmt: skip
    mirrors = [
        text_at(each, "requestMirror", "backendRef", "name")
        for each in maps_at(rule, "filters")
        if text_at(each, "type") == MIRROR
    ]
    routes = split(weights, rollout.primary, rollout.canary_service)
    mirrored = rollout.canary_service in mirrors[-1:]
    return routes and routes.model_copy(update={"mirrored": mirrored})


def _refusal(rollout: Rollout, route: KubeObject, parent: ParentReference) -> str:
    """Why this parent has not yet taken the route; nothing when all its controllers have."""
    told = [
        each for each in maps_at(route, "status", "parents") if _is_about(rollout, each, parent)
    ]
    if not told:
        return "has not yet said that it accepts it"
    generation = int_at(route, "metadata", "generation") or 0
    for each in told:
        conditions = {text_at(one, "type"): one for one in maps_at(each, "conditions")}
        if ACCEPTED not in conditions:
            return "has not yet said that it accepts it"
        for name in (ACCEPTED, RESOLVED):
            if name in conditions and (why := _unmet(conditions[name], generation)):
                return why
    return ""


def _unmet(condition: Mapping[str, JsonValue], generation: int) -> str:
    name = text_at(condition, "type")
    if (int_at(condition, "observedGeneration") or 0) < generation:
        return f"has not yet looked at generation {generation} ({name})"
    if text_at(condition, "status") == "True":
        return ""
    reason, message = text_at(condition, "reason"), text_at(condition, "message")
    return f"says {name}={text_at(condition, 'status')}: {reason} {message}".rstrip()


def _is_about(rollout: Rollout, told: Mapping[str, JsonValue], parent: ParentReference) -> bool:
    """Whether a parent's status is of this reference; some leave out what is the default."""
    said = told.get("parentRef")
    if not isinstance(said, dict):
        return False
    group = text_at(said, "group") if "group" in said else "gateway.networking.k8s.io"
    return (
        group.removeprefix(CORE) == parent.group.removeprefix(CORE)
        and (text_at(said, "kind") or "Gateway") == parent.kind
        and text_at(said, "name") == parent.name
        and (text_at(said, "namespace") or rollout.namespace)
        == (parent.namespace or rollout.namespace)
        and said.get("sectionName", parent.section_name) == parent.section_name
        and said.get("port", parent.port) == parent.port
    )
