"""A Canary of each provider, and the objects its users bring along."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from pydantic import JsonValue

from activities.kube.objects import FENCE, KubeObject, Ref, map_at, ref_of
from activities.routing.removals import applied
from activities.routing.router import Live, Rollout, Wanted
from workflows.model.canary import CanarySpec
from workflows.model.plan import Routes

NAMESPACE = "shop"
NOTHING: Live = MappingProxyType({})
HEADER: JsonValue = {"headers": {"x-canary": {"exact": "insider"}}}
WEIGHTED: JsonValue = {"interval": "1m", "threshold": 5, "stepWeight": 10}


def ab(*match: JsonValue) -> JsonValue:
    return {"interval": "1m", "threshold": 5, "iterations": 3, "match": [*(match or (HEADER,))]}


def a_rollout(
    provider: str,
    *,
    analysis: JsonValue = WEIGHTED,
    service: Mapping[str, JsonValue] = {},
    namespace: str = NAMESPACE,
    name: str = "app",
    **spec: JsonValue,
) -> Rollout:
    """A Canary `app` whose apex service is called `web`."""
    knative = provider == "knative"
    given: dict[str, JsonValue] = {
        "provider": provider,
        "targetRef": {
            "apiVersion": "serving.knative.dev/v1" if knative else "apps/v1",
            "kind": "Service" if knative else "Deployment",
            "name": "app",
        },
        "service": {"name": "web", "port": 80, "targetPort": 8080, **_needs(provider), **service},
        "analysis": analysis,
        **_refs(provider),
        **spec,
    }
    return Rollout(
        namespace=namespace,
        name=name,
        canary=CanarySpec.model_validate(given),
        annotations={},
        selector_label=("app", "app"),
        revision="s1-0123456789abcdef",
        cookie="word",
    )


def annotated(rollout: Rollout, **annotations: str) -> Rollout:
    return replace(rollout, annotations={k.replace("__", "/"): v for k, v in annotations.items()})


def routes(canary: int) -> Routes:
    return Routes(primary=100 - canary, canary=canary)


def standing(wanted: Wanted, live: Live = NOTHING) -> dict[Ref, KubeObject]:
    """The objects as they are once the engine has written them, over what was there."""
    found = {ref: each for ref, each in live.items() if ref not in wanted.absent}
    for each in wanted.objects:
        made = _over(dict(found.get(ref_of(each), {})), each)
        annotations: dict[str, JsonValue] = {**map_at(made, "metadata", "annotations"), FENCE: "1"}
        made["metadata"] = {**map_at(made, "metadata"), "annotations": annotations}
        found[ref_of(each)] = made
    return found


def changed(obj: KubeObject, *path: str | int, to: JsonValue) -> KubeObject:
    """Somebody edits one field by hand."""
    edited = _set(dict(obj), path, to)
    assert isinstance(edited, dict)
    return edited


def live_of(*objects: KubeObject) -> dict[Ref, KubeObject]:
    return {ref_of(each): each for each in objects}


def an_ingress(*services: str, annotations: Mapping[str, str] = {}) -> KubeObject:
    """The user's Ingress `door` with a path for each Service, and a rule that has none."""
    paths: list[JsonValue] = [
        {
            "path": f"/{name}",
            "pathType": "Prefix",
            "backend": {"service": {"name": name, "port": {"number": 80}}},
        }
        for name in services
    ]
    rules: list[JsonValue] = [
        {"host": "shop.example.com", "http": {"paths": paths}},
        {"host": "bare.example.com"},
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": "door",
            "namespace": NAMESPACE,
            "labels": {"team": "shop", "kustomize.toolkit.fluxcd.io/name": "apps"},
            "annotations": {**annotations},
        },
        "spec": {"ingressClassName": "nginx", "rules": rules},
    }


def an_apisix_route(backends: Sequence[str] = ("web",)) -> KubeObject:
    served: list[JsonValue] = [
        {"serviceName": name, "servicePort": 80, "resolveGranularity": "service"}
        for name in backends
    ]
    return {
        "apiVersion": "apisix.apache.org/v2",
        "kind": "ApisixRoute",
        "metadata": {"name": "way", "namespace": NAMESPACE, "labels": {"team": "shop"}},
        "spec": {
            "ingressClassName": "apisix",
            "stream": [{"name": "tcp"}],
            "http": [
                {"name": "other", "backends": [{"serviceName": "other", "servicePort": 80}]},
                {"name": "web", "match": {"paths": ["/*"]}, "backends": served},
            ],
        },
    }


def a_knative_service(**annotations: str) -> KubeObject:
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": "app",
            "namespace": NAMESPACE,
            "generation": 1,
            "annotations": {name.replace("__", "/"): text for name, text in annotations.items()},
        },
        "spec": {"template": {}},
        "status": {
            "observedGeneration": 1,
            "latestReadyRevisionName": "app-00001",
            "traffic": [{"revisionName": "app-00001", "percent": 100, "latestRevision": True}],
        },
    }


def brought(provider: str) -> dict[Ref, KubeObject]:
    """What the user must have before a router can do anything."""
    if provider in ("nginx", "skipper"):
        return live_of(an_ingress("web", "other"))
    if provider == "apisix":
        return live_of(an_apisix_route())
    return live_of(a_knative_service()) if provider == "knative" else {}


def _refs(provider: str) -> dict[str, JsonValue]:
    if provider in ("nginx", "skipper"):
        return {"ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                               "name": "door"}}  # fmt: skip
    if provider == "apisix":
        return {"routeRef": {"apiVersion": "apisix.apache.org/v2", "kind": "ApisixRoute",
                             "name": "way"}}  # fmt: skip
    return {}


def _needs(provider: str) -> dict[str, JsonValue]:
    return {"meshName": "global"} if provider == "appmesh" else {}


def _over(live: dict[str, JsonValue], wanted: KubeObject) -> dict[str, JsonValue]:
    made = {name: each for name, each in live.items() if wanted.get(name, each) is not None}
    for name, each in applied(wanted).items():
        below = made.get(name)
        raw = wanted[name]
        inner = below if isinstance(below, dict) else {}
        made[name] = _over(inner, raw) if isinstance(raw, dict) else each
    return made


def _set(value: JsonValue, path: Sequence[str | int], to: JsonValue) -> JsonValue:
    if not path:
        return to
    head, rest = path[0], path[1:]
    if isinstance(head, int):
        assert isinstance(value, list)
        return [_set(each, rest, to) if at == head else each for at, each in enumerate(value)]
    inner = value if isinstance(value, dict) else {}
    return {**inner, head: _set(inner.get(head), rest, to)}
