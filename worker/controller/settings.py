"""What may be set for a cluster: Flagger's flags under our names, as SERINUS_ variables.

Read by `serinus controller` and by the worker's Kubernetes platform. Documented, with Flagger's
names beside ours, in docs/kubernetes.md.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from worker.settings import SettingsError
from workflows.model.provider import Provider
from workflows.model.quantity import Url


def _listed(value: object) -> object:
    """`a, b` as two names."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]


class ClusterSettings(BaseSettings):
    """What a person may set for a cluster."""

    model_config = SettingsConfigDict(env_prefix="SERINUS_", frozen=True, extra="ignore")

    namespaces: Names = ()
    """Where Canaries are looked for; empty means everywhere."""
    selector_labels: Names = ("app", "name", "app.kubernetes.io/name")
    """The label of a target's pods by which services find them: the first that there is."""
    include_label_prefixes: Names = ()
    """Labels of the target that its primary gets too; `*` means all."""
    mesh_provider: Provider = Provider.ISTIO
    """For a Canary that names no provider."""
    metrics_server: Url = "http://prometheus:9090"
    """For built-in checks, where a Canary names none."""
    ingress_annotations_prefix: str = "nginx.ingress.kubernetes.io"
    ingress_class: str = ""
    config_tracking: bool = True
    """Whether a changed ConfigMap or Secret of a target is a new revision."""
    no_cross_namespace_refs: bool = False
    """Refuse Canaries that name templates, alert providers or upstreams of other namespaces."""
    controller_port: int = Field(default=8080, ge=0, le=65_535)
    """Where the controller answers /healthz, /readyz and /metrics; 0 means nowhere."""
    worker_port: int = Field(default=8080, ge=0, le=65_535)
    """Where a worker answers them; 0 means nowhere."""
    kubeconfig: Path | None = Field(default=None, validation_alias="KUBECONFIG")
    """How to reach the cluster; without one, as the pod that this runs in."""
    context: str = Field(default="", validation_alias="SERINUS_KUBE_CONTEXT")
    """The context of the kubeconfig; empty means its current one."""
    router_metrics: Names = ()
    """Metrics pages of the router, URLs or `namespace/service:port/path`, for the guard."""
    drain: float = Field(default=5.0, ge=0)
    """Seconds between the moment users are sent away from pods and the moment these are stopped."""
    interval_floor: float = Field(default=10.0, gt=0)
    """Seconds; shorter intervals of an analysis are raised to it, unless a policy says more."""


def load_cluster() -> ClusterSettings:
    """Read the environment."""
    try:
        return ClusterSettings()
    except ValidationError as error:
        problems = "; ".join(
            f"SERINUS_{'__'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors()
        )
        raise SettingsError(problems) from error
