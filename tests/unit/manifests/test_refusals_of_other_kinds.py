"""Templates, chats, policies and processes that could never work are refused."""

import pytest

from tests.unit.manifests.documents import Document, flaggers, ours, problems

PROCESS: Document = {"template": {"command": ["shop"]}}
UNDO: Document = {"name": "a", "after": "b", "url": "http://a/"}

OTHERS: list[tuple[Document, str]] = [
    (flaggers("MetricTemplate", {"provider": {"type": "prometheus"}, "query": "a"}),
     "provider.address"),
    (flaggers("MetricTemplate", {"provider": {"type": "datadog"}, "query": "a"}),
     "provider.secretRef"),
    (flaggers("MetricTemplate", {"provider": {"type": "cloudwatch"}, "query": "a"}),
     "provider.region"),
    (flaggers("MetricTemplate", {"provider": {"type": "keptn"}, "query": ""}), "query"),
    (flaggers("MetricTemplate", {"provider": {"type": "prometeus"}, "query": "a"}),
     "provider.type"),
    (flaggers("AlertProvider", {"type": "slack"}), ""),
    (flaggers("AlertProvider", {"type": "irc", "address": "http://a"}), "type"),
    (flaggers("AlertProvider", {"type": "slack", "address": "a"}), "address"),
    (ours("Process", {"template": {"command": []}}), "template.command"),
    (ours("Process", {"template": {"command": "shop"}}), "template.command"),
    (ours("Process", {"template": {"command": ["a"], "env": {"PORT": "1"}}}), "template.env"),
    (ours("Process", {**PROCESS, "replicas": -1}), "replicas"),
    (ours("Process", {"template": {"command": ["a"], "readiness": {"http": {}, "tcp": {}}}}),
     "template.readiness"),
    (ours("Process", {"template": {"command": ["a"],
                                   "readiness": {"http": {"path": "ready"}}}}),
     "template.readiness.http.path"),
    (ours("RolloutPolicy", {"supersede": "restrat"}), "supersede"),
    (ours("RolloutPolicy", {"noData": "ignore"}), "noData"),
    (ours("RolloutPolicy", {"guard": {"pValue": 0}}), "guard.pValue"),
    (ours("RolloutPolicy", {"guard": {"minFailures": 0}}), "guard.minFailures"),
    (ours("RolloutPolicy", {"minInterval": "0s"}), "minInterval"),
    (ours("RolloutPolicy", {"targets": {"selector": {"matchLabels": {}}}}),
     "targets.selector.matchLabels"),
    (ours("RolloutPolicy", {"undo": [UNDO, UNDO]}), "undo[1].name"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "path"), OTHERS)
def test_other_kinds_that_cannot_work(document: Document, path: str) -> None:
    (problem,) = problems(document)
    assert problem.path == (f"spec.{path}" if path else "spec")


@pytest.mark.parametrize("namespace", ["A", "a_b", "-a", "a" * 64])
def test_name_that_kubernetes_would_refuse(namespace: str) -> None:
    (problem,) = problems(ours("Process", PROCESS, namespace=namespace))
    assert problem.path == "metadata.namespace"
