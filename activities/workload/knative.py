"""Knative Services: Knative keeps the copies itself, one revision each. Pure.

The primary is a name in an annotation of the target; routes are shares of `spec.traffic`.
"""

from activities.kube.objects import OURS, KubeObject, map_at, maps_at, text_at, texts_at
from activities.workload.kind import Patch
from activities.workload.readiness import NotYet, Readiness, Ready

PRIMARY_REVISION = "flagger.app/primary-revision"
ANALYSED = f"{OURS}/analysed"


def revision_name(target: KubeObject) -> str:
    """The Knative Revision that an analysed target had made last; empty before the first."""
    return text_at(target, "status", "latestCreatedRevisionName")


def primary_name(live: KubeObject) -> str:
    """The Knative Revision that is the primary; empty before adoption."""
    return texts_at(live, "metadata", "annotations").get(PRIMARY_REVISION, "")


def with_primary(name: str | None) -> Patch:
    """The patch that says which one is the primary; None takes the word back."""
    return {"metadata": {"annotations": {PRIMARY_REVISION: name}}}


def analysed_name(live: KubeObject, revision: str) -> str:
    """The Knative Revision that a revision of ours is; empty if it was never noted."""
    noted, _, name = texts_at(live, "metadata", "annotations").get(ANALYSED, "").partition("=")
    return name if noted == revision else ""


def with_analysed(revision: str, name: str) -> Patch:
    return {"metadata": {"annotations": {ANALYSED: f"{revision}={name}"}}}


def readiness(live: KubeObject, name: str) -> Readiness:
    """Whether the Knative Revision of that name serves."""
    if name and text_at(live, "status", "latestReadyRevisionName") == name:
        return Ready()
    for condition in maps_at(live, "status", "conditions"):
        if condition.get("type") == "ConfigurationsReady" and condition.get("status") != "True":
            return NotYet(f"revision {name}: {condition.get('message') or condition.get('reason')}")
    return NotYet(f"revision {name} is not the latest ready one")


def named_last(live: KubeObject, name: str) -> KubeObject:
    """The target as it was when Knative had made the revision of that name last."""
    return {**live, "status": {**map_at(live, "status"), "latestCreatedRevisionName": name}}
