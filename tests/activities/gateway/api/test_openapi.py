"""The generated document: whole, and saying what the table says."""

import json
import re

import jsonschema_rs
import pytest
from pydantic import JsonValue, TypeAdapter

from worker.gateway.api.openapi import document
from worker.gateway.api.table import TABLE

OBJECT = TypeAdapter(dict[str, JsonValue])
DOCUMENT = document(TABLE, "/api/v1")


def test_every_reference_is_to_something_and_every_schema_is_one() -> None:
    text = json.dumps(DOCUMENT)
    schemas = OBJECT.validate_python(OBJECT.validate_python(DOCUMENT["components"])["schemas"])
    assert set(re.findall(r"#/components/schemas/([^\"]+)", text)) <= set(schemas)
    for schema in schemas.values():
        jsonschema_rs.meta.validate(OBJECT.validate_python(schema))
    assert "workflows__" not in text


def test_no_operation_is_left_out_and_each_has_a_name_of_its_own() -> None:
    described = {
        (method.upper(), path, OBJECT.validate_python(operation)["operationId"])
        for path, methods in OBJECT.validate_python(DOCUMENT["paths"]).items()
        for method, operation in OBJECT.validate_python(methods).items()
    }
    assert described == {(each.method, each.path, each.name) for each in TABLE}
    assert len({each.name for each in TABLE}) == len(TABLE)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_what_changes_something_takes_a_key_and_rollouts_take_the_step_token(row: object) -> None:
    operation = next(each for each in TABLE if each is row)
    assert operation.keyed is (operation.method == "POST")
    spoken_to = operation.method == "POST" and operation.path.startswith("/rollouts/")
    assert operation.guarded is spoken_to
    assert (412 in operation.statuses) is spoken_to
