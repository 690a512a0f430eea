"""The environment of a container, from literals, ConfigMaps, Secrets and the pod's own fields.

Pure but for the objects it is given; called by `tests.cluster.node.containers`.
"""

import base64
import re
from collections.abc import Awaitable, Callable

from pydantic import JsonValue

from activities.kube.objects import KubeObject, at, map_at, maps_at, text_at, texts_at

Data = Callable[[str, str], Awaitable[dict[str, str] | None]]
"""What a ConfigMap or Secret (kind in the plural, name) of the pod's namespace holds."""
INDEXED = re.compile(r"^metadata\.(labels|annotations)\['(.+)'\]$")
USED = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


class ConfigError(Exception):
    """The container refers to something that is not there."""


def decoded(kind: str, obj: KubeObject) -> dict[str, str]:
    """The data of a ConfigMap or Secret as text."""
    data = texts_at(obj, "data")
    if kind == "secrets":
        return {name: base64.b64decode(text).decode() for name, text in data.items()}
    return data


async def environment(pod: KubeObject, container: KubeObject, data: Data) -> dict[str, str]:
    """All variables, later ones over earlier ones."""
    found: dict[str, str] = {}
    for source in maps_at(container, "envFrom"):
        found |= await _whole(source, data)
    for variable in maps_at(container, "env"):
        name = text_at(variable, "name")
        if "valueFrom" in variable:
            text = await _one(pod, name, map_at(variable, "valueFrom"), data)
            if text is not None:
                found[name] = text
        else:
            found[name] = expanded(text_at(variable, "value"), found)
    return found


def expanded(text: str, variables: dict[str, str]) -> str:
    """Replace `$(NAME)`; an unknown name stays as it is."""
    return USED.sub(lambda match: variables.get(match[1], match[0]), text)


async def _whole(source: KubeObject, data: Data) -> dict[str, str]:
    for field, kind in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        if field in source:
            name = text_at(source, field, "name")
            values = await data(kind, name)
            if values is None and at(source, field, "optional") is not True:
                raise ConfigError(f'{kind[:-1]} "{name}" not found')
            prefix = text_at(source, "prefix")
            return {prefix + key: text for key, text in (values or {}).items()}
    return {}


async def _one(pod: KubeObject, name: str, source: dict[str, JsonValue], data: Data) -> str | None:
    if "fieldRef" in source:
        return field_of(pod, text_at(source, "fieldRef", "fieldPath"))
    for field, kind in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if field in source:
            owner, key = text_at(source, field, "name"), text_at(source, field, "key")
            values = await data(kind, owner)
            if values is not None and key in values:
                return values[key]
            if at(source, field, "optional") is True:
                return None
            raise ConfigError(f"couldn't find key {key} in {kind[:-1]} {owner}")
    raise ConfigError(f"variable {name}: this node knows no source {sorted(source)}")


def field_of(pod: KubeObject, path: str) -> str:
    """A field of the pod, as `fieldRef` names it."""
    if matched := INDEXED.match(path):
        return texts_at(pod, "metadata", matched[1]).get(matched[2], "")
    return text_at(pod, *path.split("."))
