"""What `spec.suspend` means for a rollout that runs: it is paused until the manifest says go on.

Pure; asked by `worker.controller.deciding`. An annotation keeps that it was the manifest which
paused, so that a controller without memory resumes no rollout that a person has paused.
"""

from activities.kube.left import MID_RUN
from activities.kube.objects import OURS, KubeObject, text_at
from workflows.model.status import Phase, Verb

SUSPENDED = f"{OURS}/suspended"
_RUNNING = MID_RUN - {Phase.PROMOTING, Phase.FINALISING}


def order_of(canary: KubeObject, *, suspend: bool) -> Verb | None:
    """Pause or resume what runs; None where the manifest asks for nothing new.

    Flagger stops looking at a suspended rollout; here its canary is still watched, and taken back
    if it hurts. From the promotion on it comes to its end.
    """
    noted = bool(text_at(canary, "metadata", "annotations", SUSPENDED))
    if not suspend:
        return Verb.RESUME if noted else None
    running = text_at(canary, "status", "phase") in _RUNNING
    return Verb.PAUSE if running and not noted else None
