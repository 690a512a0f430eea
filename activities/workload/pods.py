"""The pod template of a primary, made from that of its target. Pure; Deployments and DaemonSets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from activities.kube.objects import KubeObject, list_at, map_at, maps_at, text_at, texts_at
from activities.workload.configs import Copies, renamed
from activities.workload.metadata import REVISION, annotations_of, labels_of
from activities.workload.selector import PRIMARY, SELECTOR_LABELS

FLAGGER_ID = "flagger-id"
"""Pod annotation that Flagger changes at each promotion, so that the pods are replaced."""
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, slots=True)
class Origin:
    """A target as it was analysed, and what else its primary follows from."""

    target: KubeObject
    revision: str
    label: tuple[str, str] = ("", "")
    mark: str = ""
    """The new `flagger-id`; the same one restarts no pod."""
    replicas: int | None = None
    copies: Copies = field(default_factory=dict[str, str])
    prefixes: Sequence[str] = ()
    selector_keys: Sequence[str] = SELECTOR_LABELS

    @property
    def name(self) -> str:
        return text_at(self.target, "metadata", "name")

    @property
    def primary(self) -> str:
        return self.name + PRIMARY

    @property
    def pair(self) -> dict[str, str]:
        """The one label by which Services find the primary's pods."""
        return {self.label[0]: self.label[1] + PRIMARY}


def primary_metadata(origin: Origin) -> dict[str, JsonValue]:
    """Name, labels and annotations of a primary with pods."""
    return {
        "name": origin.primary,
        "namespace": text_at(origin.target, "metadata", "namespace"),
        "labels": {**labels_of(origin.target, origin.prefixes), **origin.pair},
        "annotations": {**annotations_of(origin.target), REVISION: origin.revision},
    }


def primary_template(origin: Origin, *, spread: bool) -> dict[str, JsonValue]:
    """With `spread`, rules that keep pods apart are about the primary's own pods."""
    template = map_at(origin.target, "spec", "template")
    metadata = map_at(template, "metadata")
    pod = renamed(map_at(template, "spec"), origin.copies)
    if spread:
        pod = _spread(pod, origin)
    return {
        **template,
        "metadata": {
            **metadata,
            "labels": {**texts_at(metadata, "labels"), **origin.pair},
            "annotations": {**texts_at(metadata, "annotations"), FLAGGER_ID: origin.mark},
        },
        "spec": pod,
    }


def unmarked(template: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A template without `flagger-id`: what it says, not when it was written."""
    metadata = map_at(template, "metadata")
    annotations: dict[str, JsonValue] = {
        key: value for key, value in map_at(metadata, "annotations").items() if key != FLAGGER_ID
    }
    return {**template, "metadata": {**metadata, "annotations": annotations}}


def _spread(pod: Mapping[str, JsonValue], origin: Origin) -> dict[str, JsonValue]:
    after = dict(pod)
    if "topologySpreadConstraints" in after:
        constraints = maps_at(pod, "topologySpreadConstraints")
        after["topologySpreadConstraints"] = [_of_primary(each, origin) for each in constraints]
    apart = map_at(pod, "affinity", "podAntiAffinity")
    if apart:
        after["affinity"] = {**map_at(pod, "affinity"), "podAntiAffinity": _apart(apart, origin)}
    return after


def _apart(rules: Mapping[str, JsonValue], origin: Origin) -> dict[str, JsonValue]:
    after = dict(rules)
    if _PREFERRED in after:
        after[_PREFERRED] = [
            {**each, "podAffinityTerm": _of_primary(map_at(each, "podAffinityTerm"), origin)}
            for each in maps_at(rules, _PREFERRED)
        ]
    if _REQUIRED in after:
        after[_REQUIRED] = [_of_primary(each, origin) for each in maps_at(rules, _REQUIRED)]
    return after


def _of_primary(term: Mapping[str, JsonValue], origin: Origin) -> dict[str, JsonValue]:
    selector = dict(map_at(term, "labelSelector"))
    if not selector:
        return dict(term)
    if "matchLabels" in selector:
        selector["matchLabels"] = {
            key: value + PRIMARY if _means(origin, key, value) else value
            for key, value in texts_at(selector, "matchLabels").items()
        }
    if "matchExpressions" in selector:
        selector["matchExpressions"] = [
            _expression(each, origin) for each in maps_at(selector, "matchExpressions")
        ]
    return {**term, "labelSelector": selector}


def _expression(rule: dict[str, JsonValue], origin: Origin) -> dict[str, JsonValue]:
    key = text_at(rule, "key")
    if "values" not in rule:
        return rule
    values: list[JsonValue] = [
        value + PRIMARY if isinstance(value, str) and _means(origin, key, value) else value
        for value in list_at(rule, "values")
    ]
    return {**rule, "values": values}


def _means(origin: Origin, key: str, value: str) -> bool:
    """Whether a label says the pods of the target, by its name or by its selector's value."""
    return (key, value) == origin.label or (key in origin.selector_keys and value == origin.name)
