"""Which labels and annotations of a target its primary gets. Pure; used by every kind."""

from collections.abc import Mapping, Sequence

from activities.kube.objects import OURS, KubeObject, texts_at

FLUX = "toolkit.fluxcd.io"
ALL = "*"
REVISION = f"{OURS}/revision"
"""Annotation of a primary: the revision that it runs."""
ADOPTING = f"{OURS}/adopting"
"""Annotation of a first primary until it has been ready and has taken over the users."""
RESTED = f"{OURS}/copies"
"""Annotation of a target at zero: how many copies it had, should its primary be lost."""
_NOT_COPIED = (
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "kubectl.kubernetes.io/last-applied-configuration",
    "argocd.argoproj.io/",
    f"{OURS}/",
)
"""What other tools keep about the target itself; on a copy it would be a lie."""


def labels_of(target: KubeObject, prefixes: Sequence[str]) -> dict[str, str]:
    """The labels that the `include-label-prefix` setting lets through."""
    return included(texts_at(target, "metadata", "labels"), prefixes)


def annotations_of(target: KubeObject) -> dict[str, str]:
    """All that are the user's, at creation and at each promotion alike."""
    found = texts_at(target, "metadata", "annotations")
    return {
        key: value
        for key, value in found.items()
        if FLUX not in key and not key.startswith(_NOT_COPIED)
    }


def included(labels: Mapping[str, str], prefixes: Sequence[str]) -> dict[str, str]:
    """What begins with one of the prefixes, `*` for all; never Flux's own."""
    return {
        key: value
        for key, value in labels.items()
        if FLUX not in key and any(each == ALL or key.startswith(each) for each in prefixes)
    }
