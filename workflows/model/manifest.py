"""Every kind of manifest, and raw data turned into one of them.

`activities.manifests` reads the text; `parse` here is pure, so that workflows may use it too.
"""

from collections.abc import Mapping

from pydantic import ValidationError

from workflows.errors import ManifestError
from workflows.model.alert_provider import AlertProvider
from workflows.model.canary import Canary
from workflows.model.metric_template import MetricTemplate
from workflows.model.policy import RolloutPolicy
from workflows.model.problem import Problem, nearest, shown
from workflows.model.process import Process
from workflows.model.raw import is_object
from workflows.model.refuse import problems_of
from workflows.model.trigger import Trigger

Manifest = Canary | MetricTemplate | AlertProvider | RolloutPolicy | Process | Trigger

KINDS: Mapping[str, type[Manifest]] = {
    "Canary": Canary,
    "MetricTemplate": MetricTemplate,
    "AlertProvider": AlertProvider,
    "RolloutPolicy": RolloutPolicy,
    "Process": Process,
    "Trigger": Trigger,
}


def parse(document: object) -> Manifest:
    """Turn one decoded document into a manifest, or raise every problem it has."""
    if not is_object(document):
        message = "is not a manifest but a single value or a list"
        raise ManifestError([Problem(path="", message=message, value=shown(document))])
    kind = _kind(document)
    try:
        return kind.model_validate(document, by_alias=True, by_name=False)
    except ValidationError as error:
        raise ManifestError(problems_of(error, kind)) from error


def _kind(fields: Mapping[object, object]) -> type[Manifest]:
    kind = fields.get("kind")
    if isinstance(kind, str) and kind in KINDS:
        if fields.get("apiVersion") is None:
            raise ManifestError([_api_version_missing(KINDS[kind])])
        return KINDS[kind]
    if kind is None:
        raise ManifestError([Problem(path="kind", message="is required", allowed=", ".join(KINDS))])
    meant = nearest(str(kind), KINDS)
    raise ManifestError(
        [Problem(path="kind", value=shown(kind), message="is not a kind that Serinus reads",
                 allowed=", ".join(KINDS), did_you_mean=meant)]
    )  # fmt: skip


def _api_version_missing(kind: type[Manifest]) -> Problem:
    allowed: str = kind.model_fields["api_version"].default
    return Problem(path="apiVersion", message="is required", allowed=allowed)
