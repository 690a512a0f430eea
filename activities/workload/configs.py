"""The primary's copies of tracked ConfigMaps and Secrets, and pods that read the copies. Pure.

Which are tracked is said in `workflows.model.tracking`. The primary has copies of its own, so that
a new configuration is analysed before it is everybody's.
"""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from activities.kube.objects import KubeObject, Ref, at, map_at, maps_at, text_at
from activities.workload.metadata import labels_of
from workflows.model.tracking import CONFIG_MAP, SECRET

Copies = Mapping[str, str]
"""The name of the primary's copy of each tracked config, by its key."""
_KINDS = {kind.lower(): kind for kind in (CONFIG_MAP, SECRET)}
_Places = Sequence[tuple[str, str, str]]
_VOLUMES: _Places = (("configMap", "name", CONFIG_MAP), ("secret", "secretName", SECRET))
_PROJECTED: _Places = (("configMap", "name", CONFIG_MAP), ("secret", "name", SECRET))
_FROM: _Places = (("configMapRef", "name", CONFIG_MAP), ("secretRef", "name", SECRET))
_KEYS: _Places = (("configMapKeyRef", "name", CONFIG_MAP), ("secretKeyRef", "name", SECRET))


def place_of(key: str, namespace: str, name: str | None = None) -> Ref:
    """Where a config is, by its key in `status.trackedConfigs`; `name` is another of its kind."""
    kind, _, own = key.partition("/")
    return Ref("v1", _KINDS[kind], name or own, namespace)


def copy_of(config: KubeObject, name: str, prefixes: Sequence[str]) -> dict[str, JsonValue]:
    """The primary's copy of a config; without annotations, as Flagger makes it."""
    copied: dict[str, JsonValue] = {
        "apiVersion": "v1",
        "kind": text_at(config, "kind"),
        "metadata": {
            "name": name,
            "namespace": text_at(config, "metadata", "namespace"),
            "labels": dict(labels_of(config, prefixes)),
        },
    }
    for field in ("data", "binaryData", "type"):
        if (value := at(config, field)) is not None:
            copied[field] = value
    return copied


def renamed(pod: Mapping[str, JsonValue], names: Copies) -> dict[str, JsonValue]:
    """A pod spec that reads the copies."""
    after = dict(pod)
    for field in ("containers", "initContainers"):
        if field in after:
            after[field] = [_container(each, names) for each in maps_at(pod, field)]
    if "volumes" in after:
        after["volumes"] = [_volume(each, names) for each in maps_at(pod, "volumes")]
    return after


def _container(container: Mapping[str, JsonValue], names: Copies) -> dict[str, JsonValue]:
    after = dict(container)
    if "env" in after:
        after["env"] = [
            {**each, "valueFrom": _pointed(map_at(each, "valueFrom"), _KEYS, names)}
            if "valueFrom" in each
            else each
            for each in maps_at(container, "env")
        ]
    if "envFrom" in after:
        after["envFrom"] = [_pointed(each, _FROM, names) for each in maps_at(container, "envFrom")]
    return after


def _volume(volume: Mapping[str, JsonValue], names: Copies) -> dict[str, JsonValue]:
    after = _pointed(volume, _VOLUMES, names)
    projected = map_at(volume, "projected")
    if projected:
        sources = maps_at(projected, "sources")
        after["projected"] = {
            **projected, "sources": [_pointed(each, _PROJECTED, names) for each in sources],
        }  # fmt: skip
    return after


def _pointed(
    holder: Mapping[str, JsonValue], places: _Places, names: Copies
) -> dict[str, JsonValue]:
    after = dict(holder)
    for field, key, kind in places:
        name = names.get(f"{kind.lower()}/{text_at(holder, field, key)}")
        if name is not None:
            after[field] = {**map_at(holder, field), key: name}
    return after
