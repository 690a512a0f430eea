"""What a metric of a manifest asks, of whom, and within which limits."""

from collections.abc import Mapping

import pytest

from tests.unit.plan.builders import DEPLOYMENT, WEIGHTED, a_canary, a_plan, a_template
from workflows.errors import ManifestError
from workflows.model.measurement import SecretRef, Threshold
from workflows.model.plan import Check
from workflows.queries.subject import wants_revision_of

TEMPLATED: Mapping[str, object] = {"name": "errors", "templateRef": {"name": "errors"}}


def checks(
    *metrics: Mapping[str, object], templates: tuple[object, ...] = (), **spec: object
) -> tuple[Check, ...]:
    canary = a_canary({**WEIGHTED, "metrics": list(metrics)}, **spec)
    return a_plan(canary, templates=templates).analysis.checks


def refusal(*metrics: Mapping[str, object], templates: tuple[object, ...] = ()) -> str:
    with pytest.raises(ManifestError) as refused:
        checks(*metrics, templates=templates)
    return str(refused.value)


def test_a_built_in_asks_the_provider_of_the_canary_by_its_own_name() -> None:
    metric = {"name": "request-duration", "interval": "30s", "thresholdRange": {"max": 500}}
    (local,) = checks(metric)
    assert (local.metric.provider, local.metric.query) == ("local", "request-duration")
    assert local.metric.interval == 30
    assert local.threshold == Threshold(max=500)
    (nginx,) = checks(
        metric,
        targetRef=DEPLOYMENT,
        provider="nginx",
        ingressRef={"kind": "Ingress", "name": "front"},
        metricsServer="http://prometheus.test:9090",
    )
    assert nginx.metric.provider == "prometheus"
    assert 'ingress="front"' in nginx.metric.query
    assert nginx.metric.address == "http://prometheus.test:9090"


@pytest.mark.parametrize(
    ("metric", "limits"),
    [
        ({"name": "request-success-rate", "threshold": 99}, Threshold(min=99)),
        ({"name": "request-duration", "threshold": 500}, Threshold(max=500)),
        ({**TEMPLATED, "threshold": 5}, Threshold(max=5)),
        (TEMPLATED, Threshold(max=0)),
        ({**TEMPLATED, "thresholdRange": {"min": 1, "max": 2}}, Threshold(min=1, max=2)),
    ],
)
def test_the_old_threshold_is_a_minimum_for_the_success_rate_only(
    metric: Mapping[str, object], limits: Threshold
) -> None:
    (check,) = checks(metric, templates=(a_template("1"),))
    assert check.threshold == limits


def test_a_template_is_rendered_with_what_the_canary_says() -> None:
    query = "{{ name }} {{ namespace }} {{ target }} {{ service }} {{ ingress }} {{ route }}"
    (check,) = checks(
        TEMPLATED, templates=(a_template(query),), service={"name": "front", "port": 80}
    )
    assert check.metric.query == "shop default shop front shop shop"


def test_a_template_has_an_interval_even_if_the_metric_names_none() -> None:
    template = a_template("rate(errors[{{ interval }}]) > {{ variables.limit }}")
    metric = {**TEMPLATED, "templateVariables": {"limit": "7"}}
    (check,) = checks(metric, templates=(template,))
    assert check.metric.query == "rate(errors[1m]) > 7"
    assert check.metric.interval == 60


def test_a_template_is_asked_at_its_own_provider_with_a_secret_of_its_own_namespace() -> None:
    template = a_template(
        "1",
        secretRef={"name": "token"},
        headers={"X-Scope-OrgID": ["shop"]},
        insecureSkipVerify=True,
    )
    (check,) = checks(TEMPLATED, templates=(template,))
    metric = check.metric
    assert (metric.provider, metric.address) == ("prometheus", "http://prometheus.test:9090")
    assert metric.secret == SecretRef(namespace="default", name="token")
    assert metric.headers == {"X-Scope-OrgID": ("shop",)}
    assert metric.insecure_skip_verify


def test_an_inline_query_goes_to_the_metrics_server() -> None:
    metric = {"name": "queue", "query": "depth{app='{{ target }}'}", "threshold": 5}
    (check,) = checks(metric, metricsServer="http://prometheus.test:9090")
    assert (check.metric.provider, check.metric.address) == (
        "prometheus",
        "http://prometheus.test:9090",
    )
    assert check.metric.query == "depth{app='shop'}"


def test_built_ins_come_before_templates_and_a_name_of_both_asks_both() -> None:
    both = {"name": "request-duration", "templateRef": {"name": "errors"}}
    found = checks(both, {"name": "request-success-rate"}, templates=(a_template("1"),))
    asked = [(check.metric.check, check.metric.provider) for check in found]
    assert asked == [
        ("request-duration", "local"),
        ("request-success-rate", "local"),
        ("request-duration", "prometheus"),
    ]


def test_a_template_that_is_not_there_is_refused_with_the_one_that_was_meant() -> None:
    text = refusal(TEMPLATED, templates=(a_template("1", name="error"),))
    assert "Canary default/shop: spec.analysis.metrics[0].templateRef" in text
    assert "did you mean default/error?" in text


def test_a_template_of_another_namespace_is_not_taken_for_ours() -> None:
    elsewhere = {"name": "errors", "templateRef": {"name": "errors", "namespace": "monitoring"}}
    assert "monitoring/errors" in refusal(elsewhere, templates=(a_template("1"),))


def test_a_query_that_cannot_be_rendered_is_refused_at_its_place() -> None:
    text = refusal(TEMPLATED, templates=(a_template("{{ variables.limit }}"),))
    assert "MetricTemplate default/errors: spec.query: cannot be rendered: line 1" in text
    inline = refusal({"name": "queue", "query": "{{ nothing }}"})
    assert "Canary default/shop: spec.analysis.metrics[0].query: cannot be rendered" in inline


def test_a_knative_target_is_asked_by_a_revision_that_the_cluster_names() -> None:
    target = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "shop"}
    metric = {"name": "request-success-rate"}
    (check,) = checks(metric, targetRef=target, provider="knative")
    assert wants_revision_of(check.metric.query) == "shop"
    (templated,) = checks(
        TEMPLATED, templates=(a_template("{{ route }}"),), targetRef=target, provider="knative"
    )
    assert wants_revision_of(templated.metric.query) == "shop"


def test_a_built_in_that_nothing_can_answer_is_refused_with_a_way_out() -> None:
    target = {"apiVersion": "v1", "kind": "Service", "name": "shop"}
    with pytest.raises(ManifestError, match="osm has no series about a Service target"):
        checks({"name": "request-duration"}, targetRef=target, provider="osm")


def test_a_limit_below_a_millisecond_is_kept_as_it_is() -> None:
    metric = {"name": "request-duration", "thresholdRange": {"max": 0.5}}
    (check,) = checks(metric, targetRef=DEPLOYMENT, provider="istio")
    assert check.threshold == Threshold(max=0.5)
