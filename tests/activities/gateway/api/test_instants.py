"""Instants as texts and back: no digit is lost, and no number is taken for an instant."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue, TypeAdapter

from worker.gateway.api.instants import (
    INSTANTS,
    LAST,
    dated,
    dated_schema,
    instant_of,
    text_of,
    undated,
)
from worker.gateway.api.table import TABLE

SPANS_AND_VALUES = {
    "burstiness", "canary_rate", "deadline", "expires_after", "escalate_after", "interval", "max",
    "min", "min_success_rate", "not_ready_after", "not_ready_for", "p_allowed", "p_canary",
    "p_primary", "p_value", "planned", "rollback_seconds", "seconds", "timeout", "took", "value",
}  # fmt: skip
"""Numbers of the answers that are no instants; a new one is put here or among the instants."""


@given(st.floats(min_value=0, max_value=LAST))
def test_every_digit_survives(instant: float) -> None:
    assert instant_of(text_of(instant)) == instant


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (0.0, "1970-01-01T00:00:00Z"),
        (1_790_000_000.25, "2026-09-21T14:13:20.25Z"),
        (1e-5, "1970-01-01T00:00:00.00001Z"),
        (-5.0, "1970-01-01T00:00:00Z"),
        (1e300, "9999-12-31T23:59:59Z"),
    ],
)
def test_a_text_is_rfc_3339(instant: float, text: str) -> None:
    assert text_of(instant) == text


def test_only_instants_are_changed_wherever_they_are() -> None:
    content: JsonValue = {"at": 1.5, "took": 2.0, "in": [{"since": 0, "ended_at": None}], "n": True}
    changed = dated(content)
    assert changed == {
        "at": "1970-01-01T00:00:01.5Z",
        "took": 2.0,
        "in": [{"since": "1970-01-01T00:00:00Z", "ended_at": None}],
        "n": True,
    }
    assert undated(changed) == content


def test_every_number_of_an_answer_is_known_to_be_an_instant_or_not() -> None:
    models = {each.gives for each in TABLE if each.gives is not None}
    floats = {name for model in models for name in _floats(_schema(model))}
    assert floats - INSTANTS == SPANS_AND_VALUES & floats, floats - INSTANTS - SPANS_AND_VALUES
    assert {"at", "since", "started_at"} <= floats


def test_a_schema_says_date_time_where_the_answer_does() -> None:
    class Seen(BaseModel):
        at: float = 0.0
        ended_at: float | None = None
        took: float = 0.0

    fields = dated_schema(_schema(Seen))
    assert isinstance(fields, dict)
    properties = fields["properties"]
    assert isinstance(properties, dict)
    at, ended_at, took = (properties[name] for name in ("at", "ended_at", "took"))
    assert at == {
        "type": "string",
        "format": "date-time",
        "default": "1970-01-01T00:00:00Z",
        "title": "At",
    }
    assert isinstance(ended_at, dict)
    assert ended_at["anyOf"] == [{"type": "string", "format": "date-time"}, {"type": "null"}]
    assert isinstance(took, dict)
    assert took["type"] == "number"


def _schema(model: type[BaseModel]) -> JsonValue:
    schema: JsonValue = TypeAdapter(model).json_schema(mode="serialization")
    return schema


def _floats(schema: JsonValue) -> Iterator[str]:
    """The names of all properties that are floating point numbers."""
    if isinstance(schema, list):
        for each in schema:
            yield from _floats(each)
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    if isinstance(properties, dict):
        for name, field in properties.items():
            if '"number"' in TypeAdapter(JsonValue).dump_json(field).decode():
                yield name
    for each in schema.values():
        yield from _floats(each)
