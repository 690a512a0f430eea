"""Rollouts of a shop for the routers of Istio and the Gateway API."""

from collections.abc import Mapping

from hypothesis import strategies as st
from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, ref_of
from activities.routing.removals import applied
from activities.routing.router import Rollout, Router
from workflows.model.canary import CanarySpec
from workflows.model.plan import Routes

Json = dict[str, JsonValue]
WEIGHTED: Json = {"interval": "1m", "threshold": 2, "stepWeight": 10}
BLUE_GREEN: Json = {"interval": "1m", "threshold": 2, "iterations": 3}
AB: Json = {**BLUE_GREEN, "match": [{"headers": {"x-beta": {"exact": "yes"}}}]}
AFFINITY: Json = {
    "cookieName": "shop-side",
    "primaryCookieName": "shop-stay",
    "maxAge": 3600,
    "domain": "shop.example.com",
    "path": "/cart",
    "httpOnly": True,
}
GATEWAY: Json = {"name": "public", "namespace": "infra"}
weights = st.integers(min_value=0, max_value=100)


def _shared(canary: int) -> Routes:
    return Routes(primary=100 - canary, canary=canary)


routes = weights.map(_shared)


def a_rollout(
    provider: str, service: Mapping[str, JsonValue] | None = None, analysis: Json = WEIGHTED
) -> Rollout:
    needs: Json = {"gatewayRefs": [GATEWAY]} if provider.startswith("gatewayapi") else {}
    spec: Json = {
        "provider": provider,
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "service": {"port": 80, **needs, **(service or {})},
        "analysis": analysis,
    }
    return Rollout(
        namespace="shop",
        name="shop",
        canary=CanarySpec.model_validate(spec),
        annotations={},
        selector_label=("app", "shop"),
        revision="s1-1",
        cookie="w0rd",
    )


def written(router: Router, rollout: Rollout, routes: Routes, *live: KubeObject) -> dict[Ref, Json]:
    found = {ref_of(obj): obj for obj in live}
    return {ref_of(obj): applied(obj) for obj in router.wanted(rollout, routes, found).objects}


def the(objects: Mapping[Ref, Json], kind: str, name: str = "shop") -> Json:
    return next(obj for ref, obj in objects.items() if (ref.kind, ref.name) == (kind, name))
