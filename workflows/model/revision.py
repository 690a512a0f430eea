"""Which version a target of a cluster holds: one short text for one meaning.

Called by the controller (is there anything to release?) and by planning (what is released). It is
stored, so what it gives for the same object may change only together with `REVISION_VERSION`.
"""

import json
from collections.abc import Mapping
from hashlib import sha256

from pydantic import JsonValue

from workflows.model.api_defaults import without_defaults
from workflows.model.owned_fields import owned

REVISION_VERSION = "s1"
SCALE_TO_ZERO = "flagger.app/scale-to-zero"
"""The node selector that keeps a DaemonSet's pods off all nodes; ours, never the user's."""
LENGTH = 16
_ASSIGNED = frozenset({"clusterIP", "clusterIPs", "ipFamilies", "healthCheckNodePort"})


def target_revision(target: Mapping[str, JsonValue], configs: Mapping[str, str]) -> str:
    """The digest of what a release changes; `configs` are the checksums of tracked configs.

    Empty while the target says nothing yet: a Knative Service that no revision was made of.
    """
    counted = _counted(target)
    if not counted:
        return ""
    meaning: dict[str, JsonValue] = {"target": counted}
    if configs:
        meaning["configs"] = dict(configs)
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
    return f"{REVISION_VERSION}-{sha256(text.encode()).hexdigest()[:LENGTH]}"


def _counted(target: Mapping[str, JsonValue]) -> JsonValue:
    if target.get("kind") != "Service":
        template = _object(_object(target.get("spec")).get("template"))
        mine = owned(target, template, "spec", "template")
        return without_defaults("template", _without_scale_to_zero(_object(mine)))
    if target.get("apiVersion") != "v1":
        return _object(target.get("status")).get("latestCreatedRevisionName")
    spec = _object(owned(target, _object(target.get("spec")), "spec"))
    return without_defaults("spec", _without_assigned(spec))


def _without_scale_to_zero(template: dict[str, JsonValue]) -> dict[str, JsonValue]:
    spec = _object(template.get("spec"))
    nodes = _object(spec.get("nodeSelector"))
    if SCALE_TO_ZERO not in nodes:
        return template
    kept: dict[str, JsonValue] = {
        name: value for name, value in nodes.items() if name != SCALE_TO_ZERO
    }
    return {**template, "spec": {**spec, "nodeSelector": kept}}


def _without_assigned(spec: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Leave out what the cluster hands out: addresses and node ports."""
    kept = {name: value for name, value in spec.items() if name not in _ASSIGNED}
    ports = spec.get("ports")
    if isinstance(ports, list):
        kept["ports"] = [
            {name: value for name, value in _object(port).items() if name != "nodePort"}
            for port in ports
        ]
    return kept


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}
