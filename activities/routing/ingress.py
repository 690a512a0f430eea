"""The copy of a user's Ingress that nginx and skipper send the canary's share through.

Pure; the original is never changed. Its copy follows it at every write.
"""

from collections.abc import Callable, Sequence

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, list_at, map_at, maps_at, text_at, texts_at
from activities.routing.parts import JsonMap, copied
from activities.routing.router import Live, Rollout, RouteError

API = "networking.k8s.io/v1"
Paths = Callable[[Sequence[JsonMap]], list[JsonValue]]


def original(rollout: Rollout) -> Ref:
    """The Ingress that the user gave."""
    return Ref(API, "Ingress", _name(rollout), rollout.namespace)


def copy(rollout: Rollout) -> Ref:
    """Ours."""
    return Ref(API, "Ingress", f"{_name(rollout)}-canary", rollout.namespace)


def template(rollout: Rollout, live: Live) -> KubeObject:
    """The original; our copy where the original is gone, so that traffic can be given back."""
    for ref in (original(rollout), copy(rollout)):
        if ref in live:
            return live[ref]
    raise RouteError(
        f"{original(rollout)} does not exist; Canary {rollout.name} needs it as ingressRef"
    )


def copied_texts(source: KubeObject) -> tuple[dict[str, str], dict[str, str]]:
    """The labels and annotations that a copy may have."""
    both = (texts_at(source, "metadata", kind) for kind in ("labels", "annotations"))
    labels, annotations = (copied(texts) for texts in both)
    return labels, annotations


def backend(path: KubeObject) -> str:
    """The Service a path leads to."""
    return text_at(path, "backend", "service", "name")


def led_to(path: JsonMap, service: str) -> JsonMap:
    """The same path to another Service."""
    renamed: JsonMap = {**map_at(path, "backend", "service"), "name": service}
    inner: JsonMap = {**map_at(path, "backend"), "service": renamed}
    return {**path, "backend": inner}


def rewritten(source: KubeObject, paths: Paths) -> JsonMap:
    """The spec with the paths of every rule put through a function; rules may have none."""
    rules: list[JsonValue] = [_rule(rule, paths) for rule in maps_at(source, "spec", "rules")]
    spec = map_at(source, "spec")
    return {**spec, "rules": rules} if "rules" in spec else dict(spec)


def refuse_unless(named: bool, rollout: Rollout) -> None:
    """An Ingress that does not lead to the apex Service has no share to give."""
    if not named:
        raise RouteError(
            f"{original(rollout)} has no path to Service {rollout.apex}; "
            "name the Service in a rule, or another Ingress in ingressRef"
        )


def backends(source: KubeObject) -> frozenset[str]:
    """The Services that an Ingress leads to."""
    rules = maps_at(source, "spec", "rules")
    paths = (path for rule in rules for path in maps_at(rule, "http", "paths"))
    fallback = text_at(source, "spec", "defaultBackend", "service", "name")
    return frozenset((*(backend(path) for path in paths), fallback)) - {""}


def _rule(rule: JsonMap, paths: Paths) -> JsonMap:
    if not list_at(rule, "http", "paths"):
        return rule
    return {
        **rule,
        "http": {**map_at(rule, "http"), "paths": paths(maps_at(rule, "http", "paths"))},
    }


def _name(rollout: Rollout) -> str:
    ref = rollout.canary.ingress_ref
    if ref is None:
        raise RouteError(f"Canary {rollout.namespace}/{rollout.name} needs an ingressRef")
    return ref.name
