"""By which label Services tell the pods of the canary from those of the primary."""

from collections.abc import Sequence

from activities.kube.objects import KubeObject, text_at, texts_at
from workflows.errors import Reason, failure

SELECTOR_LABELS = ("app", "name", "app.kubernetes.io/name")
"""Flagger's default for `-selector-labels`; the first that a target selects by is taken."""
PRIMARY = "-primary"


def selector_label(target: KubeObject, keys: Sequence[str] = SELECTOR_LABELS) -> tuple[str, str]:
    """The label's key and value; `InvalidManifest` if the target selects by none of them."""
    labels = texts_at(target, "spec", "selector", "matchLabels")
    for key in keys:
        if key in labels:
            return key, labels[key]
    kind, name = text_at(target, "kind"), text_at(target, "metadata", "name")
    raise failure(
        Reason.INVALID_MANIFEST,
        f"{kind} {name} has none of the labels {', '.join(keys)} in spec.selector.matchLabels; "
        "give it one, or name the label it has in the selector-labels setting",
        retryable=False,
    )
