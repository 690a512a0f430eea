"""Canaries in as few words as a test needs."""

from collections.abc import Mapping

from workflows.compile import Bundle, compile_plan
from workflows.model.canary import Canary
from workflows.model.manifest import Manifest, parse
from workflows.model.metric_template import MetricTemplate
from workflows.model.plan import Observe, Plan
from workflows.model.process import Process

PROCESS = {"apiVersion": "serinus.dev/v1alpha1", "kind": "Process", "name": "shop"}
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
WEIGHTED: Mapping[str, object] = {"stepWeights": [10, 50]}
BLUE_GREEN: Mapping[str, object] = {"iterations": 3}
AB: Mapping[str, object] = {
    "iterations": 3,
    "match": [{"headers": {"cookie": {"regex": "canary=always"}}}],
}


def a_canary(shape: Mapping[str, object] = WEIGHTED, **spec: object) -> Canary:
    """A Canary of a local Process; `spec` overrides its fields, `shape` is its analysis."""
    analysis = {"interval": "10s", "threshold": 2, **shape}
    fields = {"targetRef": PROCESS, "service": {"port": 80}, "analysis": analysis, **spec}
    found = _parsed("flagger.app/v1beta1", "Canary", fields)
    assert isinstance(found, Canary)
    return found


def a_process(**spec: object) -> Process:
    fields = {"template": {"command": ["shop"]}, **spec}
    found = _parsed("serinus.dev/v1alpha1", "Process", fields)
    assert isinstance(found, Process)
    return found


def a_template(query: str, name: str = "errors", **provider: object) -> MetricTemplate:
    where = {"type": "prometheus", "address": "http://prometheus.test:9090", **provider}
    fields = {"provider": where, "query": query}
    found = _parsed("flagger.app/v1beta1", "MetricTemplate", fields, name)
    assert isinstance(found, MetricTemplate)
    return found


def a_plan(canary: Canary, **bundle: object) -> Plan:
    """The plan of a release from revision r1 to r2."""
    known = {"canary": canary, "revision": "r2", "promoted_revision": "r1"}
    return compile_plan(Bundle.model_validate({**known, **bundle}))


def names(plan: Plan) -> list[str]:
    return [step.name for step in plan.steps]


def observed(plan: Plan, name: str) -> Observe:
    found = plan.steps[plan.step_named(name)]
    assert isinstance(found, Observe)
    return found


def _parsed(version: str, kind: str, spec: Mapping[str, object], name: str = "shop") -> Manifest:
    return parse({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})
