"""Flagger's MetricTemplate: a query that Canaries share, and the provider that answers it."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Literal

from pydantic import model_validator

from workflows.model.problem import Problem, refuse
from workflows.model.quantity import Flag
from workflows.model.resource import Part, Resource
from workflows.model.target import Name


class MetricProvider(StrEnum):
    """Who answers; Flagger's eleven."""

    CLOUDWATCH = "cloudwatch"
    DATADOG = "datadog"
    DYNATRACE = "dynatrace"
    EXTERNAL_METRICS = "externalmetrics"
    GRAPHITE = "graphite"
    INFLUXDB = "influxdb"
    KEPTN = "keptn"
    NEW_RELIC = "newrelic"
    PROMETHEUS = "prometheus"
    SPLUNK = "splunk"
    STACKDRIVER = "stackdriver"


NEED_ADDRESS = frozenset({MetricProvider.PROMETHEUS, MetricProvider.GRAPHITE})
NEED_SECRET = frozenset(
    {
        MetricProvider.DATADOG,
        MetricProvider.DYNATRACE,
        MetricProvider.INFLUXDB,
        MetricProvider.NEW_RELIC,
        MetricProvider.SPLUNK,
        MetricProvider.STACKDRIVER,
    }
)


class SecretName(Part):
    """A Secret in the namespace of the manifest that names it."""

    name: Name


class MetricProviderSpec(Part):
    """The provider and how to reach it. The secret lies in the template's namespace."""

    type: MetricProvider
    address: str | None = None
    headers: dict[str, tuple[str, ...]] = {}
    secret_ref: SecretName | None = None
    region: str | None = None
    insecure_skip_verify: Flag = False

    @model_validator(mode="after")
    def _reachable(self) -> "MetricProviderSpec":
        refuse(self._missing())
        return self

    def _missing(self) -> Iterator[Problem]:
        needs = {
            "address": (NEED_ADDRESS, self.address),
            "secretRef": (NEED_SECRET, self.secret_ref),
            "region": ({MetricProvider.CLOUDWATCH}, self.region),
        }
        for path, (providers, given) in needs.items():
            if self.type in providers and not given:
                yield Problem(path=path, message=f"is required by provider {self.type}")


class MetricTemplateSpec(Part):
    """A Go template of a query."""

    provider: MetricProviderSpec
    query: Name


class MetricTemplate(Resource):
    """A query that Canaries refer to by name."""

    api_version: Literal["flagger.app/v1beta1"] = "flagger.app/v1beta1"
    kind: Literal["MetricTemplate"] = "MetricTemplate"
    spec: MetricTemplateSpec
