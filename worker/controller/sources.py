"""What the controller watches, and where a Canary's target is found.

Pure; used by `worker.controller.catalogue` and `worker.controller.watching`.
"""

from dataclasses import dataclass

from activities.kube.objects import KubeObject, Ref, text_at
from workflows.model.target import KNATIVE, TargetKind

CANARY = ("flagger.app/v1beta1", "Canary")
TEMPLATE = ("flagger.app/v1beta1", "MetricTemplate")
POLICY = ("serinus.dev/v1alpha1", "RolloutPolicy")
MANIFESTS = (CANARY, TEMPLATE, POLICY)
"""An AlertProvider is read when an alert is sent; none is needed to decide."""
CORE = "v1"
CONFIG_KINDS = ("ConfigMap", "Secret")


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """One watch."""

    api_version: str
    kind: str
    namespace: str = ""
    """Empty means all."""

    def __str__(self) -> str:
        return f"{self.kind} in {self.namespace or 'all namespaces'}"


def target_ref(canary: KubeObject) -> Ref | None:
    """Where the target of a Canary is, in the API that serves its kind today."""
    kind = text_at(canary, "spec", "targetRef", "kind")
    written = text_at(canary, "spec", "targetRef", "apiVersion")
    name = text_at(canary, "spec", "targetRef", "name")
    if kind not in set(TargetKind) - {TargetKind.PROCESS} or not name:
        return None
    if kind == TargetKind.SERVICE:
        api_version = KNATIVE if written == KNATIVE else CORE
    else:
        api_version = "apps/v1"
    return Ref(api_version, kind, name, text_at(canary, "metadata", "namespace"))
