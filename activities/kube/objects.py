"""Kubernetes objects as plain JSON, and how to read one without trusting its shape.

Used by everything that handles an object of a cluster: the client, routers, workloads, reports.
An object that lacks what is asked for, or has something else there, gives the empty answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

KubeObject = Mapping[str, JsonValue]
"""One object with `apiVersion`, `kind`, `metadata` and the rest; never changed in place."""

FIELD_MANAGER = "serinus"
OURS = "serinus.dev"
FENCE = f"{OURS}/fence"
"""Annotation of every object that Serinus writes: `<generation>.<sequence>` of the newest write."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Where an object is; cluster-scoped ones have no namespace."""

    api_version: str
    kind: str
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where}"


def ref_of(obj: KubeObject) -> Ref:
    """Where an object says it is."""
    namespace = text_at(obj, "metadata", "namespace")
    return Ref(
        api_version=text_at(obj, "apiVersion"),
        kind=text_at(obj, "kind"),
        name=text_at(obj, "metadata", "name"),
        namespace=namespace or None,
    )


def at(obj: KubeObject, *path: str) -> JsonValue:
    """What stands at a path of object fields; None where there is nothing."""
    found: JsonValue = dict(obj)
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def text_at(obj: KubeObject, *path: str) -> str:
    found = at(obj, *path)
    return found if isinstance(found, str) else ""


def int_at(obj: KubeObject, *path: str) -> int | None:
    found = at(obj, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def map_at(obj: KubeObject, *path: str) -> dict[str, JsonValue]:
    """The object there; an empty one where there is none."""
    found = at(obj, *path)
    return found if isinstance(found, dict) else {}


def texts_at(obj: KubeObject, *path: str) -> dict[str, str]:
    """A map of strings, as labels and annotations are."""
    return {name: each for name, each in map_at(obj, *path).items() if isinstance(each, str)}


def list_at(obj: KubeObject, *path: str) -> Sequence[JsonValue]:
    found = at(obj, *path)
    return found if isinstance(found, list) else []


def maps_at(obj: KubeObject, *path: str) -> Sequence[dict[str, JsonValue]]:
    """The objects of a list."""
    return [each for each in list_at(obj, *path) if isinstance(each, dict)]


def contains(live: JsonValue, wanted: JsonValue) -> bool:
    """Whether `live` says all that is wanted; API servers add defaults, others their own fields.

    Lists must be as long and say it in the same order.
    """
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(
            name in live and contains(live[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(contains(one, other) for one, other in zip(live, wanted, strict=True))
        )
    return live == wanted
