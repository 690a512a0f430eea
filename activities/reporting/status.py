"""A Canary's status: Flagger's fields with Flagger's meaning, and ours beside them. Pure.

Called by `activities.reporting.reporter`. A merge patch of what changes, or nothing: a status that
says the same is not written again, unlike Flagger's. With Flagger's own CRD our fields (and
kstatus's) are dropped by the API server, which harms nobody.
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from activities.kube.cookie import cookie_of
from activities.kube.objects import KubeObject, at, map_at, text_at
from activities.kube.reporter import Standing
from activities.reporting.conditions import conditions_of, merged, stamp
from workflows.model.status import Phase

_SHOWN_AS = {Phase.ROLLING_BACK: Phase.PROGRESSING}
"""Flagger's schema has a closed list of phases."""


def shown(phase: Phase) -> Phase:
    """The phase of Flagger's list that says it best."""
    return _SHOWN_AS.get(phase, phase)


def status_patch(
    canary: KubeObject, standing: Standing, now: datetime
) -> dict[str, JsonValue] | None:
    """The patch of the status subresource; None if the status says all of it already."""
    status = map_at(canary, "status")
    changed = {
        name: value
        for name, value in _fields(canary, standing).items()
        if status.get(name) != value
    }
    tracked = _tracked(status, standing.tracked_configs)
    if tracked:
        changed["trackedConfigs"] = tracked
    if standing.phase is not None:
        said = conditions_of(standing.phase, standing.reason or "", standing.message)
        conditions = merged(canary, said, now)
        if conditions is not None:
            changed["conditions"] = conditions
    if not changed or set(changed) <= _never_kept(canary):
        return None
    changed["lastTransitionTime"] = stamp(now)
    version = text_at(canary, "metadata", "resourceVersion")
    return {"metadata": {"resourceVersion": version}, "status": changed}


def _fields(canary: KubeObject, standing: Standing) -> dict[str, JsonValue]:
    phase = standing.phase
    told: dict[str, JsonValue] = {
        "phase": shown(phase).value if phase is not None else None,
        "canaryWeight": standing.canary_weight,
        "failedChecks": standing.failed_checks,
        "iterations": standing.iterations,
        "lastAppliedSpec": standing.last_applied,
        "lastPromotedSpec": standing.last_promoted,
        "workflowId": standing.workflow_id or None,
        "reason": _reason(standing),
        "observedGeneration": at(canary, "metadata", "generation") if phase is not None else None,
    }
    told |= _cookies(canary, standing)
    return {name: value for name, value in told.items() if value is not None}


def _cookies(canary: KubeObject, standing: Standing) -> dict[str, JsonValue]:
    """The cookies of session affinity while users meet the canary; then what they were."""
    affinity, weight = map_at(canary, "spec", "analysis", "sessionAffinity"), standing.canary_weight
    if not affinity or weight is None:
        return {}
    if weight == 0:
        last = text_at(canary, "status", "sessionAffinityCookie")
        gone = dict.fromkeys(("sessionAffinityCookie", "primarySessionAffinityCookie"), "")
        return {**gone, "previousSessionAffinityCookie": last} if last else {}
    revision = standing.last_applied or text_at(canary, "status", "lastAppliedSpec")
    word = cookie_of(text_at(canary, "metadata", "uid"), revision)
    names = {"sessionAffinityCookie": "cookieName",
             "primarySessionAffinityCookie": "primaryCookieName"}  # fmt: skip
    return {
        field: f"{text_at(affinity, name)}={word}"
        for field, name in names.items()
        if text_at(affinity, name)
    }


def _reason(standing: Standing) -> str | None:
    """Why the slot stands where it does; taken back by the next phase."""
    if standing.phase is None:
        return standing.reason
    return standing.reason or ""


def _tracked(
    status: Mapping[str, JsonValue], wanted: Mapping[str, str] | None
) -> dict[str, JsonValue]:
    """What a merge patch must say for the map to become as wanted."""
    found = status.get("trackedConfigs")
    before = found if isinstance(found, dict) else {}
    if wanted is None or before == dict(wanted):
        return {}
    gone: dict[str, JsonValue] = {name: None for name in before if name not in wanted}
    return {**gone, **wanted}


def _never_kept(canary: KubeObject) -> frozenset[str]:
    """Ours, on a server whose CRD drops them: known by a status that has Flagger's but not ours."""
    status = map_at(canary, "status")
    if "phase" in status and "observedGeneration" not in status:
        return frozenset({"workflowId", "reason", "observedGeneration"})
    return frozenset()
