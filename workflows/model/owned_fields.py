"""What somebody wrote into an object, by the field ownership its API server keeps.

Used by `workflows.model.revision`. A field that no manager owns was put there by the server: a
default, of this version or a newer one, and no part of what the user wants.
"""

import json
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

Tree = Mapping[str, JsonValue]
"""`fieldsV1`: `f:<field>`, `k:<the keys of a list item>`, `v:<a value>`, `i:<an index>`, `.`."""


def owned(target: Mapping[str, JsonValue], value: JsonValue, *path: str) -> JsonValue:
    """The value at `path` without what nobody owns; whole where ownership says nothing of it."""
    trees = [tree for each in _all_of(target) if (tree := _at(each, path))]
    return _kept(value, _merged(trees)) if trees else value


def _all_of(target: Mapping[str, JsonValue]) -> Sequence[Tree]:
    metadata = target.get("metadata")
    entries = metadata.get("managedFields") if isinstance(metadata, dict) else None
    found: list[Tree] = []
    for entry in entries if isinstance(entries, list) else []:
        fields = entry.get("fieldsV1") if isinstance(entry, dict) else None
        if isinstance(fields, dict):
            found.append(fields)
    return found


def _at(tree: Tree, path: Sequence[str]) -> Tree:
    for name in path:
        inner = tree.get(f"f:{name}")
        if not isinstance(inner, dict):
            return {}
        tree = inner
    return tree


def _merged(trees: Sequence[Tree]) -> Tree:
    """What any of them owns; an empty tree owns all that is below it."""
    if any(not tree for tree in trees):
        return {}
    names = {name for tree in trees for name in tree}
    return {name: dict(_merged([_inner(tree, name) for tree in trees if name in tree]))
            for name in names}  # fmt: skip


def _inner(tree: Tree, name: str) -> Tree:
    inner = tree[name]
    return inner if isinstance(inner, dict) else {}


def _kept(value: JsonValue, tree: Tree) -> JsonValue:
    if not tree:
        return value
    if isinstance(value, dict):
        return {
            name: _kept(each, _inner(tree, f"f:{name}"))
            for name, each in value.items()
            if f"f:{name}" in tree
        }
    if isinstance(value, list):
        return [_kept(item, inner) for item in value for inner in _of_item(item, tree)]
    return value


def _of_item(item: JsonValue, tree: Tree) -> Sequence[Tree]:
    """One tree for an item that somebody owns, none for one that nobody does."""
    if any(name.startswith("i:") for name in tree):
        return [{}]
    for name in tree:
        sort, _, text = name.partition(":")
        if sort == "v" and json.loads(text) == item:
            return [{}]
        if sort == "k" and isinstance(item, dict) and _has(item, json.loads(text)):
            return [_inner(tree, name)]
    return []


def _has(item: Mapping[str, JsonValue], keys: Mapping[str, JsonValue]) -> bool:
    return all(item.get(name) == value for name, value in keys.items())
