"""What a Canary points at: its target, its scaler, its ingress or route."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workflows.model.problem import Problem, refuse
from workflows.model.quantity import Whole
from workflows.model.resource import DnsName, Part

OURS = "serinus.dev/v1alpha1"
KNATIVE = "serving.knative.dev/v1"
Name = Annotated[str, Field(min_length=1)]


class TargetKind(StrEnum):
    """What can be released: Flagger's three kinds, and `Process` on the local platform."""

    DEPLOYMENT = "Deployment"
    DAEMON_SET = "DaemonSet"
    SERVICE = "Service"
    PROCESS = "Process"


class TargetRef(Part):
    """The workload a user edits."""

    api_version: Name
    kind: TargetKind
    name: DnsName

    @property
    def is_process(self) -> bool:
        """Whether the target lives on the local platform."""
        return self.kind is TargetKind.PROCESS

    @property
    def is_knative(self) -> bool:
        """Whether the target is a Knative Service."""
        return self.kind is TargetKind.SERVICE and self.api_version == KNATIVE

    @model_validator(mode="after")
    def _process_is_ours(self) -> "TargetRef":
        if self.is_process and self.api_version != OURS:
            message = "is not where `kind: Process` is defined"
            refuse([Problem(path="apiVersion", value=self.api_version, message=message,
                            did_you_mean=OURS)])  # fmt: skip
        return self


class ScalerReplicas(Part):
    """Replica limits that the primary's scaler gets instead of the target's."""

    min_replicas: Annotated[Whole, Field(ge=1)] | None = None
    max_replicas: Annotated[Whole, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _min_below_max(self) -> "ScalerReplicas":
        if self.min_replicas and self.max_replicas and self.min_replicas > self.max_replicas:
            message = f"is above maxReplicas, {self.max_replicas}"
            refuse([Problem(path="minReplicas", value=str(self.min_replicas), message=message)])
        return self


class AutoscalerRef(Part):
    """The scaler of the target; with one, Serinus leaves replica counts alone on promotion."""

    api_version: str | None = None
    kind: Literal["HorizontalPodAutoscaler", "ScaledObject"]
    name: Name
    primary_scaler_queries: dict[str, str] = {}
    primary_scaler_replicas: ScalerReplicas | None = None


class IngressRef(Part):
    """The Ingress that nginx and skipper clone."""

    api_version: str | None = None
    kind: Literal["Ingress"]
    name: Name


class RouteRef(Part):
    """The ApisixRoute that apisix shadows."""

    api_version: str | None = None
    kind: Literal["ApisixRoute"]
    name: Name


class UpstreamRef(Part):
    """The Upstream whose configuration gloo copies."""

    api_version: str | None = None
    kind: Literal["Upstream"]
    name: Name
    namespace: str | None = None
