"""Flagger's Canary: what is released, how users find it, and how it is analysed.

Read by `activities.manifests`, compiled into a plan by `workflows.compile`.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from workflows.model.analysis_spec import AnalysisSpec
from workflows.model.fitness import unfit, unfit_target
from workflows.model.plan import Strategy
from workflows.model.problem import refuse
from workflows.model.provider import Provider
from workflows.model.quantity import Flag, Url, Whole
from workflows.model.resource import Part, Resource
from workflows.model.service import ServiceSpec
from workflows.model.target import AutoscalerRef, IngressRef, RouteRef, TargetRef, UpstreamRef

KUBERNETES_ITERATIONS = 10


class CanarySpec(Part):
    """What a Canary says."""

    provider: Provider | None = None
    metrics_server: Url | None = None
    target_ref: TargetRef
    autoscaler_ref: AutoscalerRef | None = None
    ingress_ref: IngressRef | None = None
    route_ref: RouteRef | None = None
    upstream_ref: UpstreamRef | None = None
    service: ServiceSpec = ServiceSpec()
    analysis: AnalysisSpec
    progress_deadline_seconds: Annotated[Whole, Field(ge=1)] = 600
    skip_analysis: Flag = False
    revert_on_deletion: Flag = False
    suspend: Flag = False

    @property
    def service_name(self) -> str:
        """The name of the apex service; routes and services derive their names from it."""
        return self.service.name or self.target_ref.name

    @property
    def known_provider(self) -> Provider | None:
        """The provider the manifest decides on; None leaves it to the controller's default."""
        return Provider.LOCAL if self.target_ref.is_process else self.provider

    def provider_or(self, default: Provider) -> Provider:
        """The provider, with the controller's default where the manifest leaves it open."""
        return self.known_provider or default

    @property
    def strategy(self) -> Strategy:
        """How users meet the canary; without a router there is only blue/green."""
        if self.known_provider is Provider.KUBERNETES:
            return Strategy.BLUE_GREEN
        return self.analysis.strategy

    @property
    def iterations(self) -> int:
        """The iterations of A/B and blue/green; 0 when traffic moves by weight."""
        if self.strategy is Strategy.WEIGHTED:
            return 0
        return self.analysis.iterations or KUBERNETES_ITERATIONS

    @model_validator(mode="after")
    def _can_run(self) -> "CanarySpec":
        provider = self.provider or self.known_provider
        refuse([*unfit_target(self), *(unfit(self, provider) if provider else ())])
        return self


class Canary(Resource):
    """A target released step by step."""

    api_version: Literal["flagger.app/v1beta1"] = "flagger.app/v1beta1"
    kind: Literal["Canary"] = "Canary"
    spec: CanarySpec
