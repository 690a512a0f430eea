"""What the controller makes of a manifest, said where people look. Pure.

For Canaries that came in before admission was there, and those that became wrong because what
they refer to did.
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from activities.kube.objects import KubeObject, at, maps_at, text_at
from activities.reporting.conditions import Condition, State, conditions_of, merged
from workflows.errors import Reason
from workflows.model.status import Phase


def judged(canary: KubeObject, refusal: str, now: datetime) -> Mapping[str, JsonValue] | None:
    """The patch of the status subresource for a Canary; None if there is nothing new to say."""
    status: dict[str, JsonValue] = {}
    conditions = merged(canary, _conditions(canary, refusal), now)
    if conditions is not None:
        status["conditions"] = conditions
    generation = at(canary, "metadata", "generation")
    # Flagger's own CRD drops the field: where it is not, it is not written in vain.
    if at(canary, "status", "observedGeneration") not in (None, generation):
        status["observedGeneration"] = generation
    if not status:
        return None
    version = text_at(canary, "metadata", "resourceVersion")
    return {"metadata": {"resourceVersion": version}, "status": status}


def _conditions(canary: KubeObject, refusal: str) -> tuple[Condition, ...]:
    if refusal:
        return (
            Condition("Ready", State.FALSE, Reason.INVALID_MANIFEST, refusal),
            Condition("Stalled", State.TRUE, Reason.INVALID_MANIFEST, refusal),
        )
    refused = any(
        each.get("reason") == Reason.INVALID_MANIFEST
        for each in maps_at(canary, "status", "conditions")
    )
    if not refused:
        return ()
    phase = text_at(canary, "status", "phase") or Phase.INITIALIZING
    return tuple(each for each in conditions_of(Phase(phase)) if each.type in ("Ready", "Stalled"))
