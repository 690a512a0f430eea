"""What a hand-back takes away of Serinus from an object. Pure."""

from pydantic import JsonValue

from activities.kube.left import HANDED_BACK
from activities.kube.objects import FIELD_MANAGER, OURS, KubeObject, map_at, maps_at, text_at

_OURS = f"{OURS}/"
_NOBODY: list[JsonValue] = [{}]
"""Tells an API server that nobody manages anything; an empty list tells it nothing."""


def cleaned(live: KubeObject) -> dict[str, JsonValue] | None:
    """A merge patch that leaves no word and no ownership of ours; None where there is none.

    Fields stay as they are; without an owner, whoever applies them next has no conflict.
    """
    gone: dict[str, JsonValue] = {}
    for part in ("labels", "annotations"):
        ours = [name for name in map_at(live, "metadata", part)
                if name.startswith(_OURS) and name != HANDED_BACK]  # fmt: skip
        if ours:
            gone[part] = dict.fromkeys(ours)
    managed = maps_at(live, "metadata", "managedFields")
    others: list[JsonValue] = [each for each in managed if each.get("manager") != FIELD_MANAGER]
    if len(others) != len(managed):
        gone["managedFields"] = others or _NOBODY
    if not gone:
        return None
    return {"metadata": {**gone, "resourceVersion": text_at(live, "metadata", "resourceVersion")}}
