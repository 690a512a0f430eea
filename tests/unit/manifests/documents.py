"""The smallest valid documents, for the tests to add to."""

from pydantic import JsonValue

from workflows.errors import ManifestError
from workflows.model.canary import Canary
from workflows.model.manifest import parse
from workflows.model.problem import Problem

Document = dict[str, JsonValue]

PROVIDER_NEEDS: dict[str, Document] = {
    "nginx": {"ingressRef": {"kind": "Ingress", "name": "web"}},
    "skipper": {"ingressRef": {"kind": "Ingress", "name": "web"}},
    "apisix": {"routeRef": {"kind": "ApisixRoute", "name": "web"}},
    "gatewayapi:v1": {"service": {"port": 80, "gatewayRefs": [{"name": "public"}]}},
    "gatewayapi:v1beta1": {"service": {"port": 80, "gatewayRefs": [{"name": "public"}]}},
    "appmesh": {"service": {"port": 80, "meshName": "mesh"}},
    "knative": {
        "targetRef": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "shop"}
    },
    "local": {
        "targetRef": {"apiVersion": "serinus.dev/v1alpha1", "kind": "Process", "name": "shop"}
    },
}


def a_canary(analysis: Document | None = None, /, **spec: JsonValue) -> Document:
    """A weighted Canary on Istio; `analysis` adds to the analysis, the rest to the spec."""
    looks: Document = {"interval": "30s", "threshold": 3, **(analysis or {})}
    if not {"iterations", "stepWeight", "stepWeights"} & looks.keys():
        looks["stepWeight"] = 10
    provider = str(spec.get("provider", "istio"))
    whole: Document = {
        "provider": provider,
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "service": {"port": 80},
        "analysis": looks,
        **PROVIDER_NEEDS.get(provider, {}),
        **spec,
    }
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "shop"},
        "spec": {name: value for name, value in whole.items() if value != "-"},
    }


def canary(analysis: Document | None = None, /, **spec: JsonValue) -> Canary:
    """The same, parsed."""
    parsed = parse(a_canary(analysis, **spec))
    assert isinstance(parsed, Canary)
    return parsed


def ours(kind: str, spec: Document, **metadata: JsonValue) -> Document:
    """A document of one of our own kinds."""
    name: Document = {"name": "shop", **metadata}
    return {"apiVersion": "serinus.dev/v1alpha1", "kind": kind, "metadata": name, "spec": spec}


def flaggers(kind: str, spec: Document) -> Document:
    """A document of one of Flagger's smaller kinds."""
    return {**ours(kind, spec), "apiVersion": "flagger.app/v1beta1"}


def problems(document: object) -> tuple[Problem, ...]:
    """What is wrong with a document; nothing if it is accepted."""
    try:
        parse(document)
    except ManifestError as error:
        return error.problems
    return ()
