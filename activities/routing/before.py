"""What an object was before Serinus wrote to it, kept on the object itself.

Only for objects that existed before: a Service, a TraefikService of the same name. What Serinus
makes it deletes again.
"""

import json
from collections.abc import Mapping

from pydantic import JsonValue

from activities.kube.objects import OURS, KubeObject, map_at, text_at

BEFORE = f"{OURS}/before"
"""Annotation: the fields that Serinus wrote over, as JSON; `null` for those that were not there."""


def remembering(wanted: KubeObject, live: KubeObject) -> dict[str, JsonValue]:
    """The wanted object, which remembers what the live one said in its place."""
    text = text_at(live, "metadata", "annotations", BEFORE)
    return noted(wanted, text or json.dumps(_taken(wanted, live), separators=(",", ":")))


def noted(wanted: KubeObject, text: str) -> dict[str, JsonValue]:
    """The wanted object with this memory."""
    annotations: dict[str, JsonValue] = {**map_at(wanted, "metadata", "annotations"), BEFORE: text}
    return {**wanted, "metadata": {**map_at(wanted, "metadata"), "annotations": annotations}}


def given_back(live: KubeObject) -> dict[str, JsonValue] | None:
    """The object as it was before; None if it remembers nothing."""
    text = text_at(live, "metadata", "annotations", BEFORE)
    before = _read(text)
    if before is None:
        return None
    annotations: dict[str, JsonValue] = {**map_at(before, "annotations"), BEFORE: None}
    metadata: dict[str, JsonValue] = {"annotations": annotations}
    for name in ("name", "namespace"):
        if name in map_at(live, "metadata"):
            metadata[name] = map_at(live, "metadata")[name]
    if map_at(before, "labels"):
        metadata["labels"] = map_at(before, "labels")
    kind = {name: live[name] for name in ("apiVersion", "kind") if name in live}
    return {**kind, "metadata": metadata, "spec": map_at(before, "spec")}


def _taken(wanted: KubeObject, live: KubeObject) -> Mapping[str, JsonValue]:
    """Only what is written over: what others change meanwhile is not taken back with it."""
    texts = {kind: _same(map_at(wanted, "metadata", kind), map_at(live, "metadata", kind))
             for kind in ("labels", "annotations")}  # fmt: skip
    return {"spec": _same(map_at(wanted, "spec"), map_at(live, "spec")), **texts}


def _same(wanted: Mapping[str, JsonValue], live: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: live.get(name) for name, each in wanted.items() if each is not None}


def _read(text: str) -> dict[str, JsonValue] | None:
    try:
        before: JsonValue = json.loads(text)
    except ValueError:
        return None
    return before if isinstance(before, dict) else None
