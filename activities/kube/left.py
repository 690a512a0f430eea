"""What it means for a Canary how Flagger left it. Pure.

Called by `activities.kube.planning` when a run has found a primary that was there already, and by
`worker.takeover`, which says the same beforehand.
"""

from dataclasses import dataclass

from activities.kube.objects import OURS, KubeObject, texts_at
from workflows.model.status import Phase

HANDED_BACK = f"{OURS}/handed-back"
"""Annotation of a Canary that Flagger has again: Serinus leaves it alone until `takeover`."""
MID_RUN = frozenset(
    {
        Phase.WAITING,
        Phase.PROGRESSING,
        Phase.WAITING_PROMOTION,
        Phase.PROMOTING,
        Phase.FINALISING,
    }
)
AT_REST = frozenset({Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED})
_DONE = frozenset({Phase.SUCCEEDED, Phase.PROMOTING, Phase.FINALISING})


@dataclass(frozen=True, slots=True)
class Adopted:
    """How a Canary stands when its primary is known. `applied` is what was looked at last."""

    phase: Phase
    applied: str
    failed: bool = False


def adopted(left: str, revision: str, promoted: str) -> Adopted:
    """`left` is the phase it was found in, `revision` the target's, `promoted` the primary's.

    What differs and did not fail has not been looked at yet: it is released next, from the start.
    """
    if revision == promoted:
        return Adopted(Phase.SUCCEEDED if left in _DONE else Phase.INITIALIZED, promoted)
    if left == Phase.FAILED:
        return Adopted(Phase.FAILED, revision, failed=True)
    return Adopted(Phase.INITIALIZED, promoted)


def is_handed_back(canary: KubeObject) -> bool:
    return HANDED_BACK in texts_at(canary, "metadata", "annotations")
