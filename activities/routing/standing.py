"""Whether an object stands as Serinus wrote it, and what is missing if not. Pure.

Used by `activities.routing.kube`, which writes only what does not stand. Lists of rules belong to
one manager as a whole: that is why it is not enough that the live list says what is wanted.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256

from pydantic import JsonValue

from activities.kube.objects import FIELD_MANAGER, OURS, KubeObject, map_at, maps_at
from activities.routing.removals import applied, satisfied

WRITTEN = f"{OURS}/written"
"""Annotation: the digest of the fields written; tells a field that is no longer wanted."""
OUR_APPLY = (FIELD_MANAGER, "Apply")
_HEAD = frozenset({"apiVersion", "kind", "metadata"})


def stamped(wanted: KubeObject) -> dict[str, JsonValue]:
    """The object with the digest of what it says; what it takes away is found, not written."""
    text = json.dumps(applied(wanted), sort_keys=True, separators=(",", ":"))
    digest = sha256(text.encode()).hexdigest()[:16]
    metadata = map_at(wanted, "metadata")
    annotations = {**map_at(metadata, "annotations"), WRITTEN: digest}
    return {**wanted, "metadata": {**metadata, "annotations": annotations}}


def stands(wanted: KubeObject, live: KubeObject | None) -> bool:
    """Whether a live object is just as this stamped one."""
    return live is not None and satisfied(wanted, live) and is_in_our_hands(wanted, live)


def is_in_our_hands(wanted: KubeObject, live: KubeObject) -> bool:
    """Whether nobody has written over a field since; who does becomes its only manager.

    What manages nothing (objects in memory) cannot tell.
    """
    entries = maps_at(live, "metadata", "managedFields")
    ours = [each for each in entries if (each.get("manager"), each.get("operation")) == OUR_APPLY]
    if not entries:
        return True
    fields = {name: value for name, value in applied(wanted).items() if name not in _HEAD}
    return any(_covers(map_at(entry, "fieldsV1"), fields) for entry in ours)


def lost(wanted: JsonValue, live: JsonValue, path: str = "") -> str | None:
    """Where the API server kept something else than was sent; None if it kept everything."""
    inner: Iterator[tuple[str, JsonValue, JsonValue]]
    if isinstance(wanted, dict) and isinstance(live, dict):
        inner = ((f"{path}.{name}".lstrip("."), each, live.get(name))
                 for name, each in wanted.items() if each is not None)  # fmt: skip
    elif isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        pairs = zip(wanted, live, strict=True)
        inner = ((f"{path}[{at}]", one, other) for at, (one, other) in enumerate(pairs))
    else:
        return None if wanted == live else path
    return next((found for at, one, other in inner if (found := lost(one, other, at))), None)


def _covers(tree: Mapping[str, JsonValue], fields: Mapping[str, JsonValue]) -> bool:
    """A field that was taken over leaves its parent behind, as if it were one atomic map."""
    for name, value in fields.items():
        inner = tree.get(f"f:{name}")
        if not isinstance(inner, dict):
            return False
        if isinstance(value, dict) and (inner or _has_list(value)) and not _covers(inner, value):
            return False
    return True


def _has_list(value: JsonValue) -> bool:
    return isinstance(value, list) or (
        isinstance(value, dict) and any(map(_has_list, value.values()))
    )
