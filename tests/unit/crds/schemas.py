"""The custom resources as they stand in the repository, and walks over their schemas."""

from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import JsonValue, TypeAdapter

from worker.crds.kinds import kinds

FOLDER = Path(__file__).parents[3] / "deploy" / "crds"
NAMES = sorted(f"{kind.name}.yaml" for kind in kinds())
Node = dict[str, JsonValue]
_NODE = TypeAdapter(Node)


def definition(name: str) -> Node:
    return _NODE.validate_python(yaml.safe_load((FOLDER / name).read_text(encoding="utf-8")))


def version(name: str) -> Node:
    """The one version of a definition."""
    (found,) = _list(_map(definition(name)["spec"])["versions"])
    return _map(found)


def schema(name: str) -> Node:
    return _map(_map(version(name)["schema"])["openAPIV3Schema"])


def at(node: Node, path: str) -> Node:
    """The schema of a field, by its path; `*` is any key or element."""
    for part in filter(None, path.split(".")):
        inner = node.get("items", node.get("additionalProperties")) if part == "*" else (
            _map(node["properties"])[part]
        )  # fmt: skip
        node = _map(inner)
    return node


def walk(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every schema of a field, with its path."""
    yield path, node
    for name, inner in _map(node.get("properties", {})).items():
        yield from walk(_map(inner), f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in node:
            yield from walk(_map(node[key]), f"{path}.*")


def rules(node: Node) -> list[Node]:
    return [_map(rule) for rule in _list(node.get("x-kubernetes-validations", []))]


def _map(value: JsonValue) -> Node:
    assert isinstance(value, dict), value
    return value


def _list(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list), value
    return value
