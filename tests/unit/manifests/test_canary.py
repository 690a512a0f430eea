"""What a Canary means once it is read; what Flagger can run is accepted."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from activities.manifests import load
from tests.unit.manifests.documents import Document, a_canary, canary, problems
from workflows.model.canary import Canary
from workflows.model.check_spec import Severity
from workflows.model.fitness import unfit
from workflows.model.hook import HookType
from workflows.model.plan import Strategy
from workflows.model.provider import Provider

EXAMPLES = Path(__file__).parent / "examples"
MATCH: JsonValue = [{"headers": {"x": {"exact": "a"}}}]


def example(name: str) -> Canary:
    (loaded,) = load((EXAMPLES / f"{name}.yaml").read_text(), name)
    assert isinstance(loaded, Canary)
    return loaded


@pytest.mark.parametrize(
    ("name", "strategy", "weights", "threshold"),
    [
        ("seed-canary", Strategy.WEIGHTED, (10, 25, 50, 90), 10),
        ("seed-canary-steps", Strategy.WEIGHTED, (20, 40, 60, 80, 100), 10),
        ("seed-bluegreen", Strategy.BLUE_GREEN, (), 2),
    ],
)
def test_example_means_what_flagger_makes_of_it(
    name: str, strategy: Strategy, weights: tuple[int, ...], threshold: int
) -> None:
    spec = example(name).spec
    assert (spec.strategy, spec.analysis.weights) == (strategy, weights)
    assert spec.analysis.threshold == threshold
    assert spec.analysis.interval == timedelta(minutes=1)
    assert spec.service_name == "hoya-demo"
    assert spec.known_provider is Provider.NGINX
    assert [metric.limits.min for metric in spec.analysis.metrics] == [95.0, None]
    (hook,) = spec.analysis.webhooks
    assert (hook.type, hook.timeout) == (HookType.PRE_ROLLOUT, timedelta(seconds=5))


@pytest.mark.parametrize(
    ("analysis", "weights"),
    [
        ({"stepWeight": 20, "maxWeight": 50}, (20, 40, 60)),
        ({"stepWeight": 30}, (30, 60, 90, 100)),
        ({"stepWeight": 50, "maxWeight": 50}, (50,)),
        ({"stepWeight": 150}, (100,)),
        ({"stepWeight": 10.0, "maxWeight": 20.0}, (10, 20)),
        ({"stepWeights": [1, 2, 100], "maxWeight": 500}, (1, 2, 100)),
        ({"iterations": 5}, ()),
    ],
)
def test_weights_of_the_steps(analysis: Document, weights: tuple[int, ...]) -> None:
    assert canary(analysis).spec.analysis.weights == weights


@pytest.mark.parametrize(
    ("analysis", "provider", "strategy", "iterations"),
    [
        ({"stepWeight": 10}, "istio", Strategy.WEIGHTED, 0),
        ({"iterations": 4}, "istio", Strategy.BLUE_GREEN, 4),
        ({"iterations": 4, "match": MATCH}, "istio", Strategy.AB, 4),
        ({"iterations": 4, "match": []}, "istio", Strategy.BLUE_GREEN, 4),
        ({"stepWeight": 10}, "kubernetes", Strategy.BLUE_GREEN, 10),
        ({"iterations": 4}, "kubernetes", Strategy.BLUE_GREEN, 4),
    ],
)
def test_strategy_comes_from_the_shape(
    analysis: Document, provider: str, strategy: Strategy, iterations: int
) -> None:
    spec = canary(analysis, provider=provider).spec
    assert (spec.strategy, spec.iterations) == (strategy, iterations)


def test_defaults_are_flaggers() -> None:
    spec = canary({"threshold": -3, "metrics": [{"name": "request-duration"}]}).spec
    assert spec.progress_deadline_seconds == 600
    assert (spec.skip_analysis, spec.suspend, spec.revert_on_deletion) == (False, False, False)
    assert (spec.service_name, spec.service.port_name) == ("shop", "http")
    assert spec.service.container_port == 80
    assert (spec.analysis.threshold, spec.analysis.max_weight) == (1, 100)
    assert spec.analysis.mirror_percent == 100
    assert spec.analysis.metrics[0].interval == timedelta(minutes=1)
    assert spec.analysis.metrics[0].limits.max == 0.0


def test_hook_and_alert_without_their_word() -> None:
    analysis: Document = {
        "webhooks": [{"name": "a", "url": "http://a/", "type": "", "timeout": ""}],
        "alerts": [{"name": "a", "severity": "", "providerRef": {"name": "b"}}],
    }
    spec = canary(analysis).spec.analysis
    assert spec.webhooks[0].type is HookType.ROLLOUT
    assert spec.webhooks[0].timeout == timedelta(seconds=10)
    assert spec.alerts[0].severity is Severity.INFO


def test_provider_of_a_process_is_local() -> None:
    process: Document = {"apiVersion": "serinus.dev/v1alpha1", "kind": "Process", "name": "a"}
    spec = canary(targetRef=process, provider=None).spec
    assert spec.known_provider is Provider.LOCAL


def test_provider_left_open_is_judged_with_the_default() -> None:
    spec = canary({"mirror": True}, provider=None).spec
    assert spec.provider_or(Provider.NGINX) is Provider.NGINX
    assert [each.path for each in unfit(spec, Provider.NGINX)] == ["ingressRef", "analysis.mirror"]
    assert list(unfit(spec, Provider.ISTIO)) == []


ACCEPTED: list[Document] = [
    a_canary(provider="knative", service="-"),
    a_canary(service=None, targetRef={"apiVersion": "v1", "kind": "Service", "name": "a"}),
    a_canary({"interval": "1h"}),
    a_canary({"threshold": 2.0, "maxWeight": 50.0}),
    a_canary({"metrics": None, "webhooks": None, "match": None}),
    a_canary({"iterations": 3, "match": MATCH, "mirror": True}, provider="nginx"),
    a_canary({"iterations": 3, "maxWeight": 0}),
    a_canary({"metrics": [{"name": "a", "query": "b"}, {"name": "a", "query": "b"}]}),
    a_canary({"metrics": [{"name": "request-duration", "thresholdRange": {}}]}),
    a_canary(service={"port": 80, "targetPort": "http", "trafficPolicy": {"tls": {"a": [1]}}}),
    a_canary(service={"port": 80, "targetPort": "8080", "corsPolicy": {"maxAge": "24h"}}),
    a_canary(service={"port": 80, "gatewayRefs": [{"name": "a", "kind": "Service",
                                                   "group": "core", "port": 80}]}),
    {**a_canary(), "status": {"phase": "Failed", "anything": [1]}},
    {**a_canary(), "metadata": {"name": "a", "uid": "b", "generation": 3, "resourceVersion": "1",
                                "creationTimestamp": None, "finalizers": ["finalizer.flagger.app"],
                                "managedFields": [{"manager": "kubectl"}]}},
]  # fmt: skip


@pytest.mark.parametrize("document", ACCEPTED)
def test_what_flagger_can_run_stays_valid(document: Document) -> None:
    assert problems(document) == ()
