"""What the objects of different routers have in common: metadata, owners, weights.

Pure; used by the router modules and by `activities.routing.services`.
"""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from activities.kube.objects import FENCE, KubeObject, Ref, maps_at, text_at, texts_at
from activities.routing.before import BEFORE
from activities.routing.router import Rollout, RouteError
from workflows.model.http_match import HttpMatch
from workflows.model.plan import ALL_PRIMARY, Routes, Strategy

JsonMap = dict[str, JsonValue]

FLUX_OPT_OUT: Mapping[str, str] = {
    "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
    "helm.toolkit.fluxcd.io/driftDetection": "disabled",
}
"""Otherwise Flux would take back what is written here, or prune it."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NEVER_COPIED = ("toolkit.fluxcd.io", "argocd.argoproj.io/", LAST_APPLIED, "serinus.dev/")
"""Who copies the mark of a deployment tool has the copy pruned by it."""
_GROUP = "flagger.app/"
TOTAL = 100


def copied(texts: Mapping[str, str]) -> dict[str, str]:
    """Labels or annotations without those that mean one object only."""
    return {
        name: text
        for name, text in texts.items()
        if not any(part in name for part in _NEVER_COPIED)
    }


def metadata(
    ref: Ref, *, labels: Mapping[str, str] = {}, annotations: Mapping[str, str | None] = {}
) -> JsonMap:
    """Where an object is, and what stands on it; empty maps are left out."""
    found: JsonMap = {"name": ref.name}
    if ref.namespace is not None:
        found["namespace"] = ref.namespace
    if labels:
        found["labels"] = {**labels}
    if annotations:
        found["annotations"] = {**annotations}
    return found


def object_of(ref: Ref, meta: JsonMap, spec: JsonMap) -> JsonMap:
    """A whole object."""
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta, "spec": spec}


def apex_texts(rollout: Rollout) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations of a mesh object: those of `service.apex`, and Flux kept away."""
    apex = rollout.canary.service.apex
    labels, annotations = (apex.labels, apex.annotations) if apex else ({}, {})
    return copied(labels), {**copied(annotations), **FLUX_OPT_OUT}


def is_ours(rollout: Rollout, live: KubeObject) -> bool:
    """Whether this Canary made the object; RouteError if another Canary did."""
    for owner in maps_at(live, "metadata", "ownerReferences"):
        if owner.get("kind") == "Canary" and text_at(owner, "apiVersion").startswith(_GROUP):
            if owner.get("name") == rollout.name:
                return True
            where = f"{text_at(live, 'kind')} {text_at(live, 'metadata', 'name')}"
            raise RouteError(
                f"{where} in {rollout.namespace} belongs to Canary {owner.get('name')}; "
                "give one of the two Canaries another service.name"
            )
    annotations = texts_at(live, "metadata", "annotations")
    return FENCE in annotations and BEFORE not in annotations


def found(live: Mapping[Ref, KubeObject], ref: Ref, need: str) -> KubeObject:
    """An object that the user provides; RouteError says what for."""
    if ref not in live:
        raise RouteError(f"{ref} does not exist; {need}")
    return live[ref]


def refuse_mirror(rollout: Rollout, routes: Routes, who: str) -> None:
    """RouteError for routes that only meshes with mirroring can give."""
    if routes.mirrored:
        where = f"Canary {rollout.namespace}/{rollout.name}"
        raise RouteError(f"{where}: {who} cannot mirror requests; leave out analysis.mirror")


def split(weights: Sequence[tuple[str, int | None]], primary: str, canary: str) -> Routes | None:
    """Routes by the names and weights of backends; None unless they are ours and sum to 100.

    A canary that is left out has no weight.
    """
    given = dict(weights)
    share = given.get(canary, 0)
    if len(given) != len(weights) or not given.keys() <= {primary, canary} or share is None:
        return None
    if given.get(primary) != TOTAL - share or not 0 <= share <= TOTAL:
        return None
    return Routes(primary=TOTAL - share, canary=share)


def matches(rollout: Rollout) -> tuple[HttpMatch, ...]:
    """The conditions of an A/B test, any of which sends a request where the weights say."""
    ab = rollout.canary.strategy is Strategy.AB
    return rollout.canary.analysis.match if ab else ()


def uri_prefix(rollout: Rollout) -> str:
    """The one condition that routers without Istio's matches honour."""
    match = rollout.canary.service.match
    return (match[0].uri.prefix if match and match[0].uri else None) or "/"


def port(rollout: Rollout) -> int:
    """The port of the three Services."""
    number = rollout.canary.service.port
    if number is None:
        raise RouteError(f"Canary {rollout.namespace}/{rollout.name}: service.port is required")
    return number


def agreeing(each: Sequence[Routes | None]) -> Routes | None:
    """The routes that all rules give; None if they differ."""
    return each[0] if each and all(one == each[0] for one in each) else None


def is_all_primary(routes: Routes | None) -> bool:
    return routes == ALL_PRIMARY
