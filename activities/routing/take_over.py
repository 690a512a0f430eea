"""Objects that were there before Serinus: the note of what they were. Pure.

Used by the routers of Istio and the Gateway API. Flagger's own note on a VirtualService counts
for more than what is found: a cluster taken over from Flagger is given back as it was before it.
"""

import json

from pydantic import JsonValue

from activities.kube.objects import KubeObject, map_at, maps_at, text_at, texts_at
from activities.routing.before import BEFORE, noted, remembering
from activities.routing.parts import LAST_APPLIED, JsonMap, is_ours
from activities.routing.router import Rollout

FLAGGER = "flagger"
FLAGGER_BEFORE = "flagger.kubernetes.io/original-configuration"


def taken_over(rollout: Rollout, wanted: JsonMap, live: KubeObject | None) -> JsonMap:
    """The wanted object; one that somebody else made remembers what it was."""
    if live is None or is_ours(rollout, live):
        return wanted
    notes = texts_at(live, "metadata", "annotations")
    spec = None if BEFORE in notes else _before_flagger(live)
    if spec is None:
        return remembering(wanted, live)
    return noted(wanted, json.dumps({"spec": spec}, separators=(",", ":")))


def _before_flagger(live: KubeObject) -> JsonMap | None:
    """Flagger keeps a note only where kubectl has none, which says what the user applied."""
    notes = texts_at(live, "metadata", "annotations")
    if spec := _read(notes.get(FLAGGER_BEFORE, "")):
        return spec
    managers = {text_at(entry, "manager") for entry in maps_at(live, "metadata", "managedFields")}
    applied = _read(notes.get(LAST_APPLIED, "")) if FLAGGER in managers else None
    return map_at(applied, "spec") or None if applied else None


def _read(text: str) -> JsonMap | None:
    try:
        found: JsonValue = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
