"""Instants as RFC 3339 texts: in answers, in their schema, and back again.

The read models hold seconds since 1970; programs outside want dates. Both ways keep every digit,
so that `serinus status -o json` over the API prints what it prints without. Pure; used by
`answers`, `openapi` and `worker.cli.remote`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from pydantic import JsonValue

INSTANTS = frozenset(
    {
        "at",
        "opens_at",
        "started_at",
        "ended_at",
        "since",
        "expires_at",
        "not_before",
        "next_tick_at",
        "began_at",
    }
)
"""The fields of read models that are instants; every other number is something else."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = 253_402_300_799
"""9999-12-31T23:59:59Z: later ones have no date."""


def text_of(instant: float) -> str:
    """`2026-01-31T10:00:00.25Z`, with as many digits as the number has."""
    whole, _, fraction = format(Decimal(repr(min(max(instant, 0.0), float(LAST)))), "f").partition(
        "."
    )
    date = (EPOCH + timedelta(seconds=int(whole))).strftime("%Y-%m-%dT%H:%M:%S")
    digits = fraction.rstrip("0")
    return f"{date}.{digits}Z" if digits else f"{date}Z"


def instant_of(text: str) -> float:
    """Seconds since 1970 of a text that `text_of` made; ValueError if it is another."""
    date, _, fraction = text.removesuffix("Z").partition(".")
    whole = datetime.strptime(date, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return float(f"{round((whole - EPOCH).total_seconds())}.{fraction or 0}")


def dated(content: JsonValue) -> JsonValue:
    """The same data with its instants as texts."""
    if isinstance(content, list):
        return [dated(each) for each in content]
    if isinstance(content, dict):
        return {name: _dated(name, value) for name, value in content.items()}
    return content


def undated(content: JsonValue) -> JsonValue:
    """The same data with its instants as numbers again."""
    if isinstance(content, list):
        return [undated(each) for each in content]
    if isinstance(content, dict):
        return {
            name: instant_of(value)
            if name in INSTANTS and isinstance(value, str)
            else undated(value)
            for name, value in content.items()
        }
    return content


def dated_schema(schema: JsonValue) -> JsonValue:
    """A JSON Schema of numbers made one of what `dated` gives."""
    if isinstance(schema, list):
        return [dated_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _dated_fields(value) if name == "properties" else dated_schema(value)
        for name, value in schema.items()
    }


def _dated(name: str, value: JsonValue) -> JsonValue:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if name in INSTANTS and number and isinstance(value, (int, float)):
        return text_of(float(value))
    return dated(value)


def _dated_fields(fields: JsonValue) -> JsonValue:
    if not isinstance(fields, Mapping):
        return fields
    return {
        name: _as_date(value) if name in INSTANTS else dated_schema(value)
        for name, value in fields.items()
    }


def _as_date(schema: JsonValue) -> JsonValue:
    """`number` is a date; a default follows, and so does what may be absent."""
    if isinstance(schema, list):
        return [_as_date(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "number":
        schema = {**schema, "type": "string", "format": "date-time"}
    default = schema.get("default")
    if isinstance(default, (int, float)):
        schema = {**schema, "default": text_of(float(default))}
    return {**schema, "anyOf": _as_date(schema["anyOf"])} if "anyOf" in schema else schema
