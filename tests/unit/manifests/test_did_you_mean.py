"""A problem says what was meant, as far as it can be known."""

import pytest

from tests.unit.manifests.documents import Document, a_canary, ours, problems


@pytest.mark.parametrize(
    ("document", "path", "meant"),
    [
        (a_canary({"stepWieght": 5}), "spec.analysis.stepWieght", "stepWeight"),
        (a_canary({"max_weight": 5}), "spec.analysis.max_weight", "maxWeight"),
        (a_canary({"StepWeights": [5]}), "spec.analysis.StepWeights", "stepWeights"),
        (a_canary(provider="ngnix"), "spec.provider", "nginx"),
        (a_canary(provider="gatewayapi"), "spec.provider", "gatewayapi:v1"),
        (a_canary(maxWeight=50), "spec.maxWeight", "spec.analysis.maxWeight"),
        (a_canary(canaryAnalysis={}), "spec.canaryAnalysis", "analysis"),
        (a_canary({"interval": 60}), "spec.analysis.interval", "60s"),
        (a_canary({"threshold": "5"}), "spec.analysis.threshold", "5"),
        (
            a_canary({"metrics": [{"name": "request-succes-rate"}]}),
            "spec.analysis.metrics[0].name",
            "request-success-rate",
        ),
        (
            a_canary({"webhooks": [{"name": "a", "url": "http://a", "disableTls": True}]}),
            "spec.analysis.webhooks[0].disableTls",
            "disableTLS",
        ),
        (
            a_canary({"webhooks": [{"name": "a", "url": "gate:80/check"}]}),
            "spec.analysis.webhooks[0].url",
            "http://gate:80/check",
        ),
        (ours("Proces", {}), "kind", "Process"),
        (
            {**ours("Process", {"template": {"command": ["a"]}}), "apiVersion": "serinus.dev/v1"},
            "apiVersion",
            "serinus.dev/v1alpha1",
        ),
        (a_canary(bogus=1), "spec.bogus", ""),
    ],
)
def test_nearest_known_word_is_offered(document: Document, path: str, meant: str) -> None:
    (problem,) = problems(document)
    assert (problem.path, problem.did_you_mean) == (path, meant)


def test_allowed_fields_are_listed() -> None:
    (problem,) = problems(a_canary(targetRef={"apiVersion": "v1", "kind": "Service", "nmae": "a",
                                              "name": "a"}))  # fmt: skip
    assert problem.allowed == "apiVersion, kind, name"


def test_one_line_a_problem_says_everything() -> None:
    (problem,) = problems(a_canary({"stepWeights": [10, 5]}))
    assert str(problem) == (
        "spec.analysis.stepWeights[1]: is not above 10, the weight before it (is 5); "
        "allowed: more than 10, up to 100"
    )
