"""Every combination that could never run is refused: one problem, at its path."""

import math

import pytest
from pydantic import JsonValue

from tests.unit.manifests.documents import Document, a_canary, problems

MATCH: JsonValue = [{"headers": {"x-user": {"exact": "a"}}}]
AB: Document = {"iterations": 3, "match": MATCH}
COOKIES: Document = {"cookieName": "c", "primaryCookieName": "c"}
HOOK: Document = {"name": "a", "url": "http://a/"}

ANALYSES: list[tuple[Document, str, str]] = [
    ({"stepWeight": 10, "iterations": 5}, "", "sets iterations and stepWeight at once"),
    ({"stepWeight": 10, "stepWeights": [5]}, "", "at once"),
    ({"stepWeights": [10, 25, 20]}, ".stepWeights[2]", "not above 25"),
    ({"stepWeights": [10, 10]}, ".stepWeights[1]", "not above 10"),
    ({"stepWeights": [0, 10]}, ".stepWeights[0]", "not a share"),
    ({"stepWeights": [10, 101]}, ".stepWeights[1]", "not a share"),
    ({"stepWeights": []}, ".stepWeights", "no step"),
    ({"stepWeights": [1.5]}, ".stepWeights[0]", "whole number"),
    ({"maxWeight": 101}, ".maxWeight", "never be reached"),
    ({"maxWeight": 0}, ".maxWeight", "never be reached"),
    ({"stepWeight": 0}, ".stepWeight", "never move"),
    ({"stepWeight": -5}, ".stepWeight", "never move"),
    ({"stepWeight": "10"}, ".stepWeight", "whole number"),
    ({"stepWeight": True}, ".stepWeight", "whole number"),
    ({"iterations": 0}, ".iterations", "never end"),
    ({"stepWeightPromotion": 101}, ".stepWeightPromotion", "out of range"),
    ({"stepWeightPromotion": -1}, ".stepWeightPromotion", "out of range"),
    ({"mirrorWeight": 101}, ".mirrorWeight", "out of range"),
    ({"canaryReadyThreshold": 101}, ".canaryReadyThreshold", "out of range"),
    ({"match": MATCH}, ".match", "needs iterations"),
    ({"iterations": 1, "match": [{}]}, ".match[0]", "matches everyone"),
    (
        {"iterations": 1, "match": [{"uri": {"prefix": "/"}}]},
        ".match[0].uri",
        "dropped by Flagger's API server",
    ),
    ({"interval": "0s"}, ".interval", "longer than nothing"),
    ({"interval": "-1m"}, ".interval", "longer than nothing"),
    ({"interval": "soon"}, ".interval", "not a duration"),
    ({"interval": 60}, ".interval", "must be a duration"),
    ({"mirror": "yes"}, ".mirror", "true or false"),
    ({"sessionAffinity": COOKIES}, ".sessionAffinity.primaryCookieName", "both sides"),
    ({"sessionAffinity": {}}, ".sessionAffinity.cookieName", "is required"),
    ({"metrics": [{"name": "latency"}]}, ".metrics[0].name", "neither templateRef nor query"),
    (
        {"metrics": [{"name": "request-duration", "thresholdRange": {"min": 5, "max": 1}}]},
        ".metrics[0].thresholdRange.min",
        "above max",
    ),
    (
        {"metrics": [{"name": "request-duration", "thresholdRange": {"max": math.nan}}]},
        ".metrics[0].thresholdRange.max",
        "finite",
    ),
    (
        {"metrics": [{"name": "request-duration", "threshold": math.inf}]},
        ".metrics[0].threshold",
        "finite",
    ),
    ({"webhooks": [{**HOOK, "type": "prerollout"}]}, ".webhooks[0].type", "not one of"),
    ({"webhooks": [{**HOOK, "url": "gate.default"}]}, ".webhooks[0].url", "not a URL"),
    ({"webhooks": [{**HOOK, "url": "ftp://a/"}]}, ".webhooks[0].url", "not a URL"),
    ({"webhooks": [{**HOOK, "url": "http://a:99999/"}]}, ".webhooks[0].url", "not a URL"),
    ({"webhooks": [{**HOOK, "retries": -1}]}, ".webhooks[0].retries", "out of range"),
    ({"webhooks": [{**HOOK, "timeout": "0s"}]}, ".webhooks[0].timeout", "longer than nothing"),
    ({"webhooks": [{**HOOK, "metadata": {"a": 1}}]}, ".webhooks[0].metadata.a", "a string"),
    (
        {"alerts": [{"name": "a", "severity": "fatal", "providerRef": {"name": "b"}}]},
        ".alerts[0].severity",
        "not one of",
    ),
    ({"alerts": [{"name": "a"}]}, ".alerts[0].providerRef", "is required"),
]


@pytest.mark.parametrize(("analysis", "path", "message"), ANALYSES)
def test_analysis_that_cannot_run(analysis: Document, path: str, message: str) -> None:
    (problem,) = problems(a_canary(analysis))
    assert problem.path == f"spec.analysis{path}"
    assert message in problem.message


@pytest.mark.parametrize("field", ["interval", "threshold"])
def test_analysis_needs_its_clock(field: str) -> None:
    document = a_canary({field: None})
    (problem,) = problems(document)
    assert (problem.path, problem.message) == (f"spec.analysis.{field}", "is required")


def test_canary_needs_an_analysis() -> None:
    (problem,) = problems(a_canary(analysis=None))
    assert (problem.path, problem.message) == ("spec.analysis", "is required")


def test_analysis_without_a_shape() -> None:
    (problem,) = problems(a_canary({"stepWeight": None, "iterations": None}))
    assert problem.path == "spec.analysis"
    assert "iterations, stepWeight, stepWeights" in problem.allowed


KNATIVE: Document = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "a"}
DEPLOYMENT: Document = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
FOREIGN_PROCESS: Document = {"apiVersion": "apps/v1", "kind": "Process", "name": "a"}
SCALER: Document = {"kind": "HorizontalPodAutoscaler", "name": "a"}

SPECS: list[tuple[Document, str, str]] = [
    ({"provider": "istoi"}, "provider", "not one of"),
    ({"provider": "gatewayapi"}, "provider", "not one of"),
    ({"targetRef": "-"}, "targetRef", "is required"),
    ({"targetRef": {**DEPLOYMENT, "kind": "StatefulSet"}}, "targetRef.kind", "not one of"),
    ({"targetRef": FOREIGN_PROCESS}, "targetRef.apiVersion", "not where"),
    ({"provider": "local", "targetRef": DEPLOYMENT}, "provider", "cannot route to a Deployment"),
    ({"provider": "knative", "targetRef": DEPLOYMENT}, "provider", "does not fit"),
    ({"provider": "istio", "targetRef": KNATIVE}, "provider", "does not fit"),
    ({"provider": "knative", "autoscalerRef": SCALER}, "autoscalerRef", "Knative Service"),
    ({"provider": "local", "autoscalerRef": SCALER}, "autoscalerRef", "cannot scale a Process"),
    ({"autoscalerRef": {**SCALER, "kind": "VPA"}}, "autoscalerRef.kind", "not one of"),
    (
        {
            "autoscalerRef": {
                **SCALER,
                "primaryScalerReplicas": {"minReplicas": 3, "maxReplicas": 2},
            }
        },
        "autoscalerRef.primaryScalerReplicas.minReplicas",
        "above maxReplicas",
    ),
    ({"service": "-"}, "service.port", "is required"),
    ({"service": {"port": 70_000}}, "service.port", "out of range"),
    ({"service": {"port": 80, "targetPort": -1}}, "service.targetPort", "not a port"),
    ({"provider": "nginx", "ingressRef": "-"}, "ingressRef", "required by provider nginx"),
    ({"provider": "skipper", "ingressRef": "-"}, "ingressRef", "required"),
    ({"provider": "apisix", "routeRef": "-"}, "routeRef", "required"),
    ({"provider": "gatewayapi:v1", "service": {"port": 1}}, "service.gatewayRefs", "required"),
    ({"provider": "appmesh", "service": {"port": 1}}, "service.meshName", "required"),
    (
        {"provider": "appmesh:v1beta2", "service": {"port": 1, "targetPort": "http"}},
        "service.targetPort",
        "must be a number",
    ),
    (
        {"service": {"port": 1, "delegation": True, "hosts": ["a"]}},
        "service.hosts",
        "delegation",
    ),
    (
        {"service": {"port": 1, "match": [{"headers": {"x": {"suffix": "a"}}}]}},
        "service.match[0].headers.x.suffix",
        "dropped",
    ),
    (
        {"service": {"port": 1, "match": [{"uri": {"exact": "a", "prefix": "b"}}]}},
        "service.match[0].uri",
        "exact and prefix at once",
    ),
    ({"progressDeadlineSeconds": 0}, "progressDeadlineSeconds", "out of range"),
    ({"metricsServer": "prometheus:9090"}, "metricsServer", "not a URL"),
    ({"suspend": "no"}, "suspend", "true or false"),
]


@pytest.mark.parametrize(("spec", "path", "message"), SPECS)
def test_spec_that_cannot_run(spec: Document, path: str, message: str) -> None:
    (problem,) = problems(a_canary(**spec))
    assert problem.path == f"spec.{path}"
    assert message in problem.message


MIRRORS_BY_WEIGHT = {"istio", "local"}
MIRRORS = MIRRORS_BY_WEIGHT | {"gatewayapi:v1", "gatewayapi:v1beta1"}
TESTS_AB = MIRRORS | {"nginx", "contour", "gloo", "appmesh", "appmesh:v1beta2"}
PROVIDERS = sorted(
    TESTS_AB | {"apisix", "knative", "kubernetes", "kuma", "linkerd", "osm", "skipper", "traefik"}
    | {f"smi:v1alpha{number}" for number in (1, 2, 3)}
)  # fmt: skip


@pytest.mark.parametrize("provider", PROVIDERS)
def test_mirror_by_weight_needs_a_router_that_mirrors(provider: str) -> None:
    refused = [each.path for each in problems(a_canary({"mirror": True}, provider=provider))]
    assert refused == ([] if provider in MIRRORS_BY_WEIGHT else ["spec.analysis.mirror"])


@pytest.mark.parametrize("provider", sorted(set(PROVIDERS) - {"knative"}))
def test_mirror_in_blue_green_needs_a_router_that_mirrors(provider: str) -> None:
    analysis: Document = {"iterations": 2, "mirror": True}
    refused = [each.path for each in problems(a_canary(analysis, provider=provider))]
    assert refused == ([] if provider in MIRRORS else ["spec.analysis.mirror"])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_ab_needs_a_router_that_matches(provider: str) -> None:
    refused = [each.path for each in problems(a_canary(AB, provider=provider))]
    assert refused == ([] if provider in TESTS_AB else ["spec.analysis.match"])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_moves_traffic_by_weight(provider: str) -> None:
    assert problems(a_canary(provider=provider)) == ()


def test_knative_has_no_blue_green() -> None:
    (problem,) = problems(a_canary({"iterations": 2}, provider="knative"))
    assert problem.path == "spec.analysis.iterations"


CONDITIONS: list[tuple[str, Document, str]] = [
    ("nginx", {"queryParams": {"a": {"exact": "b"}}}, ".match[0].queryParams"),
    ("nginx", {"headers": {"a": {"exact": "1"}, "b": {"exact": "2"}}}, ".match"),
    ("contour", {"headers": {"a": {"regex": "b"}}}, ".match[0].headers.a.regex"),
    ("gatewayapi:v1", {"headers": {"a": {"prefix": "b"}}}, ".match[0].headers.a.prefix"),
    ("gloo", {"sourceLabels": {"a": "b"}}, ".match[0].sourceLabels"),
    ("local", {"sourceLabels": {"a": "b"}}, ".match[0].sourceLabels"),
]


@pytest.mark.parametrize(("provider", "match", "path"), CONDITIONS)
def test_condition_that_a_router_would_pass_over(provider: str, match: Document, path: str) -> None:
    (problem,) = problems(a_canary({"iterations": 2, "match": [match]}, provider=provider))
    assert problem.path == f"spec.analysis{path}"


def test_nginx_takes_one_header_and_one_cookie() -> None:
    match: Document = {"headers": {"x": {"exact": "1"}, "cookie": {"exact": "canary"}}}
    assert problems(a_canary({"iterations": 2, "match": [match]}, provider="nginx")) == ()


@pytest.mark.parametrize(
    ("analysis", "path"),
    [
        ({"mirror": True}, "mirror"),
        (AB, "match"),
        ({"sessionAffinity": {"cookieName": "c"}}, "sessionAffinity"),
    ],
)
def test_tcp_on_istio_knows_no_requests(analysis: Document, path: str) -> None:
    (problem,) = problems(a_canary(analysis, service={"port": 1, "appProtocol": "TCP"}))
    assert problem.path == f"spec.analysis.{path}"


def test_session_affinity_is_not_local() -> None:
    affinity: Document = {"sessionAffinity": {"cookieName": "c"}}
    (problem,) = problems(a_canary(affinity, provider="local"))
    assert problem.path == "spec.analysis.sessionAffinity"


def test_problem_of_an_inner_object_does_not_hide_another() -> None:
    found = problems(a_canary({"maxWeight": 200}, service={"prot": 80}, suspended=True))
    assert [each.path for each in found] == [
        "spec.service.prot",
        "spec.analysis.maxWeight",
        "spec.suspended",
    ]
