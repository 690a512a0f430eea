"""JSON Schema as pydantic writes it, turned into the structural schema of a custom resource.

An API server takes a smaller language: no references, no titles, one type a value, and unknown
fields are dropped instead of forbidden. Called by `worker.crds.kinds`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel, JsonValue, TypeAdapter

from worker.crds.cel import Rule
from worker.crds.rules import BOUNDS, ELSEWHERE, RULES, STORED_DEFAULTS, text_rules
from worker.crds.words import WORDS
from workflows.model.quantity import DURATION_PATTERN, format_duration

Schema = dict[str, JsonValue]

_KEPT = ("type", "description", "enum", "pattern", "minLength", "maxLength", "minItems",
         "maxItems", "minProperties", "maxProperties")  # fmt: skip
_LIMITS = {"ge": "minimum", "minimum": "minimum", "gt": "minimum", "exclusiveMinimum": "minimum",
           "le": "maximum", "maximum": "maximum", "lt": "maximum",
           "exclusiveMaximum": "maximum"}  # fmt: skip
_STRICT = {"gt", "lt", "exclusiveMinimum", "exclusiveMaximum"}
_LENGTH = TypeAdapter(timedelta)


def structural(model: type[BaseModel], name: str = "") -> Schema:
    """The schema of one model; `name` says which rules and bounds it gets, else its own name."""
    whole = _object(model.model_json_schema(by_alias=True))
    return _Inliner(_object(whole.get("$defs"))).model(name or model.__name__, whole)


@dataclass(frozen=True)
class _Inliner:
    """Puts every definition where it is referred to."""

    definitions: Mapping[str, JsonValue]

    def model(self, name: str, node: Schema) -> Schema:
        """An object of a model, with what the model refuses said as rules."""
        if name in ELSEWHERE:
            words = [word for word in _array(node.get("enum")) if word not in ELSEWHERE[name]]
            return {**self.node(node), "enum": words}
        found = self.node(node)
        fields = _object(found.get("properties"))
        if fields:
            found["properties"] = {
                field: _told(_object(inner), name, field) for field, inner in fields.items()
            }
        return {**found, **_said(RULES.get(name))}

    def node(self, node: Schema) -> Schema:
        """Any value."""
        reference = node.get("$ref")
        if isinstance(reference, str):
            return self._referred(reference.rsplit("/", 1)[-1], node)
        if "anyOf" in node:
            return self._choice(node)
        found: Schema = {key: node[key] for key in _KEPT if key in node} | _limits(node)
        if "const" in node:
            found["enum"] = [node["const"]]
        if found.get("type") == "object":
            found |= self._fields(node)
        if found.get("type") == "array":
            found["items"] = self.node(_object(node.get("items")))
        return _text(node, found)

    def _referred(self, name: str, node: Schema) -> Schema:
        if name == "JsonValue":
            return {"x-kubernetes-preserve-unknown-fields": True}
        found = self.model(name, _object(self.definitions[name]))
        return found | {key: node[key] for key in ("description",) if key in node}

    def _choice(self, node: Schema) -> Schema:
        """The one choice that is not null; words of several lists become one list."""
        inner = [_object(each) for each in _array(node["anyOf"])]
        found = [self.node(each) for each in inner if each.get("type") != "null"]
        if [each.get("type") for each in found] == ["integer", "string"]:
            return {"x-kubernetes-int-or-string": True}
        if len(found) > 1:
            words = [word for each in found for word in _array(each["enum"])]
            return {"type": "string", "enum": words}
        return found[0]

    def _fields(self, node: Schema) -> Schema:
        others = node.get("additionalProperties")
        if isinstance(others, dict):
            if others.get("$ref") == "#/$defs/JsonValue":
                return {"x-kubernetes-preserve-unknown-fields": True}
            return {"additionalProperties": self.node(others)}
        properties = _object(node.get("properties"))
        found: Schema = {
            "properties": {
                name: self.node(_object(inner)) | _left_out(_object(inner))
                for name, inner in properties.items()
            }
        }
        return found | ({"required": node["required"]} if node.get("required") else {})


def _said(rules: tuple[Rule, ...] | None) -> Schema:
    if not rules:
        return {}
    return {"x-kubernetes-validations": [rule.written() for rule in rules]}


def _text(node: Schema, found: Schema) -> Schema:
    """Durations and URLs are refused in words instead of by a pattern."""
    is_duration = node.get("pattern") == DURATION_PATTERN
    if is_duration:
        del found["pattern"]
    rules, longest = text_rules(
        duration=is_duration, above_zero="allOf" in node, url=node.get("format") == "uri"
    )
    return found | {"maxLength": longest} | _said(rules) if rules else found


def _told(node: Schema, model: str, field: str) -> Schema:
    """A field with its words, and bounds by which an API server knows what rules cost at most."""
    said = [WORDS.get(model, {}).get(field, ""), str(node.get("description", ""))]
    if said[0] and not said[1].startswith("Default"):
        del said[1]
    text = " ".join(filter(None, said))
    found: Schema = node | ({"description": text} if text else {})
    most = BOUNDS.get((model, field))
    if most:
        kinds: dict[JsonValue, str] = {"array": "maxItems", "object": "maxProperties"}
        found.setdefault(kinds.get(node.get("type"), "maxLength"), most)
    if (model, field) in STORED_DEFAULTS:
        found["default"] = STORED_DEFAULTS[model, field]
    return found


def _limits(node: Schema) -> Schema:
    found: Schema = {}
    for key, name in _LIMITS.items():
        if key in node:
            found[name] = node[key]
            if key in _STRICT:
                found[f"exclusive{name.capitalize()}"] = True
    return found


def _left_out(node: Schema) -> Schema:
    """What holds when the field is left out; told, not stored, so that it may change with us."""
    default = node.get("default")
    if default is None or isinstance(default, dict | list):
        return {}
    if isinstance(default, str) and default.startswith("PT"):
        default = format_duration(_LENGTH.validate_python(default))
    shown = {True: "true", False: "false"}[default] if isinstance(default, bool) else default
    return {"description": f"Default: {shown}."}


def _object(value: JsonValue) -> Schema:
    return value if isinstance(value, dict) else {}


def _array(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
