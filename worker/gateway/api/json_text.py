"""JSON read strictly: no name twice, no NaN, no depth without end. Pure.

Two readers of one body must not come to see two different things in it (RFC 8259 leaves that
open), and a body must not be able to exhaust whoever reads it.
"""

import json

from workflows.model.raw import is_array, is_object

DEEPEST = 32


class UnclearJson(ValueError):  # noqa: N818  the name says what is wrong
    """The text is not JSON, or not one that everybody reads alike."""


def read(body: bytes) -> object:
    """The data of a JSON text; UnclearJson with what is wrong."""
    try:
        data: object = json.loads(
            body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise UnclearJson("is not UTF-8") from error
    except RecursionError as error:
        raise UnclearJson(_deep()) from error
    except UnclearJson:
        raise
    except ValueError as error:
        raise UnclearJson(f"is not JSON: {error}") from error
    _bounded(data, 0)
    return data


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise UnclearJson(f"{name!r} is given twice; which one is meant?")
        fields[name] = value
    return fields


def _no_constant(word: str) -> object:
    raise UnclearJson(f"{word} is not JSON")


def _bounded(data: object, depth: int) -> None:
    if depth > DEEPEST:
        raise UnclearJson(_deep())
    if is_object(data):
        for each in data.values():
            _bounded(each, depth + 1)
    elif is_array(data):
        for each in data:
            _bounded(each, depth + 1)


def _deep() -> str:
    return f"is nested more than {DEEPEST} deep"
