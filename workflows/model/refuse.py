"""Pydantic's errors as problems: one each, with its path, what is allowed and what was meant.

What exists at a path is read from the model's JSON schema, the same one that editors get.
"""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from workflows.model.problem import INVALID, REFUSED, Problem, extended, joined, nearest, shown
from workflows.model.raw import is_array

Schema = Mapping[str, JsonValue]
MANY = 12

_REASONS = {
    "canaryAnalysis": ("is the name of an older release, and Flagger's API server drops it",
                       "analysis"),
}  # fmt: skip
_MESSAGES = {
    "missing": "is required",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "invalid_key": "has a name that is not a string",
    "enum": "is not one of the values",
    "literal_error": "is not one of the values",
    "string_pattern_mismatch": "is not written as it must be",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
    "too_short": "has too few entries",
    "too_long": "has too many entries",
}
_LIMITS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "at least",
           "max_length": "at most", "pattern": "text like"}  # fmt: skip


def problems_of(error: ValidationError, model: type[BaseModel]) -> tuple[Problem, ...]:
    """Every problem that a failed validation of `model` found, in the order of the fields."""
    root = model.model_json_schema(by_alias=True)
    return tuple(found for details in error.errors() for found in _problems(details, root))


def _problems(details: ErrorDetails, root: Schema) -> Iterator[Problem]:
    path = path_of(details["loc"])
    context: Mapping[str, object] = details.get("ctx", {})
    kind = details["type"]
    if kind == REFUSED:
        yield from _refused(context.get("problems"), path)
    elif kind == "extra_forbidden":
        yield _unknown(details, path, root)
    elif kind == INVALID:
        yield Problem(path=path, value=shown(details["input"]), message=str(context["text"]),
                      allowed=str(context["allowed"]),
                      did_you_mean=str(context["did_you_mean"]))  # fmt: skip
    else:
        yield _ordinary(details, path, context, root)


def _refused(problems: object, path: str) -> Iterator[Problem]:
    if is_array(problems):
        yield from (each.under(path) for each in problems if isinstance(each, Problem))


def _unknown(details: ErrorDetails, path: str, root: Schema) -> Problem:
    *parents, last = details["loc"]
    name = str(last)
    known = _fields(parents, root)
    if name in _REASONS:
        message, meant = _REASONS[name]
    else:
        message, meant = "is not a field here", nearest(name, known) or _elsewhere(name, root)
    allowed = ", ".join(known) if len(known) <= MANY else ""
    return Problem(path=path, value=shown(details["input"]), message=message, allowed=allowed,
                   did_you_mean=meant)  # fmt: skip


def _ordinary(
    details: ErrorDetails, path: str, context: Mapping[str, object], root: Schema
) -> Problem:
    kind, value = details["type"], details["input"]
    message = _MESSAGES.get(kind)
    if message is None:
        message = "is out of range" if context.keys() & _LIMITS.keys() else details["msg"]
    words = _words(details["loc"], root) if kind in {"enum", "literal_error"} else ()
    limits = [f"{sign} {context[name]}" for name, sign in _LIMITS.items() if name in context]
    return Problem(
        path=path,
        value="" if kind == "missing" else shown(value),
        message=message,
        allowed=", ".join(words or limits),
        did_you_mean=nearest(value, words) if isinstance(value, str) else "",
    )


def path_of(loc: Sequence[int | str]) -> str:
    """A location as people write it: `spec.analysis.stepWeights[2]`."""
    path = ""
    for part in loc:
        path = path if part == "[key]" else extended(path, part)
    return path


def _fields(loc: Sequence[int | str], root: Schema) -> list[str]:
    return [name for node in _nodes(loc, root) for name in _mapping(node.get("properties"))]


def _words(loc: Sequence[int | str], root: Schema) -> list[str]:
    return [
        word
        for node in _nodes(loc, root)
        for word in (*_list(node.get("enum")), node.get("const"))
        if isinstance(word, str) and word
    ]


def _nodes(loc: Sequence[int | str], root: Schema) -> list[Schema]:
    """The schemas that a location may have; several where a field may be null."""
    nodes = list(_open(root, root))
    for part in loc:
        inner = [_step(node, part) for node in nodes]
        nodes = [opened for node in inner if node is not None for opened in _open(node, root)]
    return nodes


def _step(node: Schema, part: int | str) -> Schema | None:
    if isinstance(part, int):
        found = node.get("items")
    else:
        found = _mapping(node.get("properties")).get(part, node.get("additionalProperties"))
    return found if isinstance(found, dict) else None


def _open(node: Schema, root: Schema) -> Iterator[Schema]:
    """Follow a reference and the branches of a choice."""
    reference = node.get("$ref")
    if isinstance(reference, str):
        inner = _mapping(root.get("$defs")).get(reference.rsplit("/", 1)[-1])
        yield from _open(inner, root) if isinstance(inner, dict) else ()
        return
    choices = _list(node.get("anyOf"))
    for choice in choices:
        yield from _open(choice, root) if isinstance(choice, dict) else ()
    if not choices:
        yield node


def _elsewhere(name: str, root: Schema) -> str:
    """The path of a field of this name in another object; people put fields a level too high."""
    spec = _step(root, "spec")
    level = [("spec", node) for node in (_open(spec, root) if spec else ())]
    for _ in range(3):
        for path, node in level:
            if name in _mapping(node.get("properties")):
                return joined(path, name)
        level = [
            (joined(path, field), inner)
            for path, node in level
            for field, value in _mapping(node.get("properties")).items()
            if isinstance(value, dict)
            for inner in _open(value, root)
        ]
    return ""


def _mapping(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
