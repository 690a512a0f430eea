"""Kubernetes events of a Canary: what happened, under a reason that scripts may match on. Pure.

Written by `activities.reporting.reporter`, best effort. Flagger's events all have the reason
`Synced`; ours differ.
"""

from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, int_at, text_at
from activities.kube.reporter import Standing
from workflows.model.status import Phase

CONTROLLER = "serinus.dev/serinus"
NOTE_LIMIT = 1_000
API_VERSION = "events.k8s.io/v1"


class Occurrence(StrEnum):
    """Every reason of an event."""

    INITIALIZING = "Initializing"
    INITIALIZED = "Initialized"
    WAITING = "WaitingForApproval"
    STARTED = "RolloutStarted"
    ADVANCED = "TrafficAdvanced"
    CHECK_FAILED = "CheckFailed"
    WAITING_PROMOTION = "WaitingForPromotion"
    PROMOTING = "Promoting"
    FINALISING = "Finalising"
    ROLLING_BACK = "RollingBack"
    SUCCEEDED = "Promoted"
    FAILED = "RolledBack"
    TERMINATING = "Reverting"
    TERMINATED = "Reverted"


_OF_PHASE = {
    Phase.INITIALIZING: Occurrence.INITIALIZING,
    Phase.INITIALIZED: Occurrence.INITIALIZED,
    Phase.WAITING: Occurrence.WAITING,
    Phase.PROGRESSING: Occurrence.STARTED,
    Phase.WAITING_PROMOTION: Occurrence.WAITING_PROMOTION,
    Phase.PROMOTING: Occurrence.PROMOTING,
    Phase.FINALISING: Occurrence.FINALISING,
    Phase.ROLLING_BACK: Occurrence.ROLLING_BACK,
    Phase.SUCCEEDED: Occurrence.SUCCEEDED,
    Phase.FAILED: Occurrence.FAILED,
    Phase.TERMINATING: Occurrence.TERMINATING,
    Phase.TERMINATED: Occurrence.TERMINATED,
}
_WARNINGS = frozenset({Occurrence.FAILED, Occurrence.ROLLING_BACK, Occurrence.CHECK_FAILED})


def occurrence(canary: KubeObject, standing: Standing) -> Occurrence | None:
    """What is news about a Canary that had its old status until now."""
    before = text_at(canary, "status", "phase")
    if standing.phase is not None and standing.phase != before:
        return _OF_PHASE[standing.phase]
    weight = standing.canary_weight
    if weight is not None and weight != (int_at(canary, "status", "canaryWeight") or 0):
        return Occurrence.ADVANCED
    failed = standing.failed_checks
    if failed is not None and failed > (int_at(canary, "status", "failedChecks") or 0):
        return Occurrence.CHECK_FAILED
    return None


def event(
    canary: KubeObject, what: Occurrence, standing: Standing, now: datetime, instance: str
) -> dict[str, JsonValue]:
    """An event about a Canary."""
    namespace = text_at(canary, "metadata", "namespace")
    name = text_at(canary, "metadata", "name")
    moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    unique = sha256(f"{moment}{instance}{what}".encode()).hexdigest()[:16]
    return {
        "apiVersion": API_VERSION,
        "kind": "Event",
        "metadata": {"name": f"{name[:200]}.{unique}", "namespace": namespace},
        "eventTime": moment,
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:128],
        "action": "Rollout",
        "reason": what.value,
        "type": "Warning" if what in _WARNINGS else "Normal",
        "note": _note(standing, what)[:NOTE_LIMIT],
        "regarding": {
            "apiVersion": text_at(canary, "apiVersion"),
            "kind": text_at(canary, "kind"),
            "namespace": namespace,
            "name": name,
            "uid": text_at(canary, "metadata", "uid"),
        },
    }


def ref_of_canary(namespace: str, name: str) -> Ref:
    return Ref("flagger.app/v1beta1", "Canary", name, namespace)


def _note(standing: Standing, what: Occurrence) -> str:
    if what is Occurrence.ADVANCED:
        said = f"{standing.canary_weight} % of traffic goes to the canary"
        return f"{said}: {standing.message}" if standing.message else said
    return standing.message or what.value
