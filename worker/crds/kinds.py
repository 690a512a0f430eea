"""The custom resources themselves: names, columns, and the text of each file in `deploy/crds`.

Names, categories and columns of Flagger's kinds are Flagger's, so that `kubectl get canaries` and
the scripts around it stay as they are. `python -m worker.crds` writes the files.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import yaml
from pydantic import JsonValue

from worker.crds.structural import Schema, structural
from workflows.model.alert_provider import AlertProvider
from workflows.model.canary import Canary
from workflows.model.canary_status import CanaryStatus
from workflows.model.metric_template import MetricTemplate
from workflows.model.policy import RolloutPolicy
from workflows.model.resource import Resource
from workflows.model.trigger import Trigger

HEADER = "# Made from workflows/model by `python -m worker.crds`; change the models, not this.\n"
UNREAD: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
Column = tuple[str, str, str, int]


@dataclass(frozen=True)
class Kind:
    """One custom resource."""

    model: type[Resource]
    plural: str
    columns: tuple[Column, ...]
    status: Schema | None = None
    short_names: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        return self._api_version.partition("/")[0]

    @property
    def name(self) -> str:
        return f"{self.plural}.{self.group}"

    @property
    def _api_version(self) -> str:
        version: str = self.model.model_fields["api_version"].default
        return version

    def definition(self) -> dict[str, JsonValue]:
        """The CustomResourceDefinition."""
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": self.name},
            "spec": {
                "group": self.group,
                "names": self._names(),
                "scope": "Namespaced",
                "versions": [self._version()],
            },
        }

    def _names(self) -> Schema:
        kind = self.model.__name__
        names: Schema = {"kind": kind, "listKind": f"{kind}List", "plural": self.plural,
                         "singular": kind.lower(), "categories": ["all"]}  # fmt: skip
        if self.short_names:
            names["shortNames"] = list(self.short_names)
        return names

    def _version(self) -> Schema:
        found: Schema = {
            "name": self._api_version.partition("/")[2],
            "served": True,
            "storage": True,
        }
        if self.status is not None:
            found["subresources"] = {"status": {}}
        found["additionalPrinterColumns"] = [_column(*column) for column in self.columns]
        found["schema"] = {"openAPIV3Schema": self._schema()}
        return found

    def _schema(self) -> Schema:
        whole = structural(self.model)
        found = whole["properties"]
        properties: Schema = dict(found) if isinstance(found, dict) else {}
        for name in ("apiVersion", "kind"):
            properties[name] = {"type": "string"}
        properties["metadata"] = {"type": "object"}
        if self.status is not None:
            properties["status"] = self.status
        required: list[JsonValue] = [] if self.model is RolloutPolicy else ["spec"]
        return {**whole, "properties": properties, "required": required}


def _column(name: str, kind: str, path: str, priority: int) -> Schema:
    column: Schema = {"name": name, "type": kind, "jsonPath": path}
    if priority:
        column["priority"] = priority
    return column


def kinds() -> tuple[Kind, ...]:
    """Every kind that lives on a cluster."""
    return (
        Kind(Canary, "canaries", _CANARY_COLUMNS, structural(CanaryStatus)),
        Kind(MetricTemplate, "metrictemplates",
             (("Provider", "string", ".spec.provider.type", 0),), UNREAD),
        Kind(AlertProvider, "alertproviders", (("Type", "string", ".spec.type", 0),), UNREAD),
        Kind(RolloutPolicy, "rolloutpolicies", _POLICY_COLUMNS, short_names=("rp",)),
        Kind(Trigger, "triggers", _TRIGGER_COLUMNS),
    )  # fmt: skip


def files() -> Mapping[str, str]:
    """The text of every file, by its name."""
    return {f"{kind.name}.yaml": HEADER + written(kind.definition()) for kind in kinds()}


def written(document: Mapping[str, JsonValue]) -> str:
    """YAML in the order of the data, as people read it."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


_CANARY_COLUMNS: tuple[Column, ...] = (
    ("Status", "string", ".status.phase", 0),
    ("Weight", "string", ".status.canaryWeight", 0),
    ("Suspended", "boolean", ".spec.suspend", 1),
    ("FailedChecks", "string", ".status.failedChecks", 1),
    ("Interval", "string", ".spec.analysis.interval", 1),
    ("Mirror", "boolean", ".spec.analysis.mirror", 1),
    ("StepWeight", "string", ".spec.analysis.stepWeight", 1),
    ("StepWeights", "string", ".spec.analysis.stepWeights", 1),
    ("MaxWeight", "string", ".spec.analysis.maxWeight", 1),
    ("LastTransitionTime", "string", ".status.lastTransitionTime", 0),
)
_POLICY_COLUMNS: tuple[Column, ...] = (
    ("Supersede", "string", ".spec.supersede", 0),
    ("NoData", "string", ".spec.noData", 0),
    ("Guard", "boolean", ".spec.guard.enabled", 1),
)
_TRIGGER_COLUMNS: tuple[Column, ...] = (
    ("Sender", "string", ".spec.receiver.type", 0),
    ("Action", "string", ".spec.action", 0),
    ("Suspended", "boolean", ".spec.suspend", 1),
)
