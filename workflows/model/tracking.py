"""Which ConfigMaps and Secrets a target runs with, and the checksum of what they hold.

Used by the controller and by planning, so that both see the same revision. Flagger's rules and
checksums, so that a `status.trackedConfigs` written by either is understood by both.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from pydantic import JsonValue

OPT_OUT = "flagger.app/config-tracking"
TRACKED_TYPES = frozenset(
    {"", "Opaque", "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/tls"}
)
LENGTH = 16
CONFIG_MAP = "ConfigMap"
SECRET = "Secret"  # noqa: S105  a kind


@dataclass(frozen=True, slots=True)
class ConfigRef:
    """A ConfigMap or Secret that a pod template names."""

    kind: str
    name: str
    optional: bool = False

    @property
    def key(self) -> str:
        """Its name in `status.trackedConfigs`."""
        return f"{self.kind.lower()}/{self.name}"


def references(template: Mapping[str, JsonValue]) -> Sequence[ConfigRef]:
    """What a pod template takes from ConfigMaps and Secrets, each once; required wins."""
    found: dict[tuple[str, str], ConfigRef] = {}
    for ref in _references(_object(template.get("spec"))):
        place = (ref.kind, ref.name)
        if place not in found or found[place].optional:
            found[place] = ref
    return tuple(found.values())


def checksum(config: Mapping[str, JsonValue]) -> str | None:
    """The checksum of a ConfigMap or Secret as a server holds it; None if it is not tracked.

    As Flagger's, which knows no binaryData; with some, ours counts it too.
    """
    annotations = _object(_object(config.get("metadata")).get("annotations"))
    if str(annotations.get(OPT_OUT, "")).startswith("disable"):
        return None
    if config.get("kind") == SECRET and config.get("type", "") not in TRACKED_TYPES:
        return None
    data = config.get("data") or None
    if binary := config.get("binaryData"):
        data = {"binaryData": binary, "data": data}
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return sha256(text.encode()).hexdigest()[:LENGTH]


def _references(pod: Mapping[str, JsonValue]) -> Iterator[ConfigRef]:
    for volume in _objects(pod.get("volumes")):
        yield from _named(volume, "configMap", "name", CONFIG_MAP)
        yield from _named(volume, "secret", "secretName", SECRET)
        for source in _objects(_object(volume.get("projected")).get("sources")):
            yield from _named(source, "configMap", "name", CONFIG_MAP)
            yield from _named(source, "secret", "name", SECRET)
    for containers in ("containers", "initContainers"):
        for container in _objects(pod.get(containers)):
            yield from _of_container(container)


def _of_container(container: Mapping[str, JsonValue]) -> Iterator[ConfigRef]:
    for variable in _objects(container.get("env")):
        source = _object(variable.get("valueFrom"))
        yield from _named(source, "configMapKeyRef", "name", CONFIG_MAP)
        yield from _named(source, "secretKeyRef", "name", SECRET)
    for source in _objects(container.get("envFrom")):
        yield from _named(source, "configMapRef", "name", CONFIG_MAP)
        yield from _named(source, "secretRef", "name", SECRET)


def _named(
    holder: Mapping[str, JsonValue], field: str, name: str, kind: str
) -> Iterator[ConfigRef]:
    source = _object(holder.get(field))
    found = source.get(name)
    if isinstance(found, str) and found:
        yield ConfigRef(kind, found, optional=source.get("optional") is True)


def _objects(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}
