"""The OpenAPI 3.1 document, generated from the table of operations and the pydantic models.

There is no second description: a parameter, a body or an answer that is not in the models is not
in the API. Served at `/api/v1/openapi.json`.
"""

import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Protocol

from pydantic import BaseModel, JsonValue, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from worker.gateway.api import reading
from worker.gateway.api.instants import dated_schema
from worker.gateway.api.shapes import ProblemDetails

REFERENCE = "#/components/schemas/{model}"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
EVENTS = "text/event-stream"
MEANINGS = {
    200: "done",
    201: "made",
    202: "accepted; it goes on without the caller",
    204: "done; nothing to say",
    400: "the request cannot be understood; `problems` or `detail` name the part",
    401: "nobody is signed in",
    403: "the role is too low; `detail` names the one that is needed",
    404: "there is no such thing, or it is not to be seen",
    405: "not a method of this path; `Allow` names those that are",
    406: "no media type that the caller accepts",
    409: "the rollout refuses; `reason` is its code",
    412: "the rollout has moved on since the `ETag` of `If-Match`; nothing was changed",
    413: "the body is too large",
    415: "not a media type of this operation",
    422: "the values are refused; `problems` says each, with its path",
    429: "too many requests; `Retry-After` says when to come again",
    503: "Temporal does not answer; `Retry-After` says when to come again",
}
KEY: dict[str, JsonValue] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and request again get the first answer, for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
IF_MATCH: dict[str, JsonValue] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the rollout as it was seen; if it has moved on: 412.",
    "schema": {"type": "string"},
}


class Described(Protocol):
    """What the document needs of an operation."""

    @property
    def name(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def place(self) -> type[BaseModel]: ...
    @property
    def query(self) -> type[BaseModel]: ...
    @property
    def body(self) -> type[BaseModel]: ...
    @property
    def gives(self) -> type[BaseModel] | None: ...
    @property
    def status(self) -> int: ...
    @property
    def media(self) -> str: ...
    @property
    def body_needed(self) -> bool: ...
    @property
    def yaml(self) -> bool: ...
    @property
    def tagged(self) -> bool: ...
    @property
    def guarded(self) -> bool: ...
    @property
    def keyed(self) -> bool: ...
    @property
    def takes_body(self) -> bool: ...
    @property
    def statuses(self) -> tuple[int, ...]: ...


def document(operations: Iterable[Described], base: str) -> dict[str, JsonValue]:
    """The whole document; `base` is the path under which the operations stand."""
    table = tuple(operations)
    schemas = _Schemas(table)
    paths: dict[str, JsonValue] = {}
    for path in dict.fromkeys(each.path for each in table):
        here = [each for each in table if each.path == path]
        paths[path] = {each.method.lower(): _operation(each, schemas) for each in here}
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "Serinus",
            "version": version("serinus"),
            "description": "Rollouts: look at them, decide about them. Instants are RFC 3339.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Schemas:
    """The schema of every model that goes in or out, and where it stands."""

    def __init__(self, operations: Iterable[Described]) -> None:
        inputs: dict[type[BaseModel], None] = {}
        outputs: dict[type[BaseModel], None] = {ProblemDetails: None}
        for each in operations:
            if each.takes_body:
                inputs[each.body] = None
            if each.gives is not None:
                outputs[each.gives] = None
        wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [
            *((model, "validation") for model in inputs),
            *((model, "serialization") for model in outputs),
        ]
        adapters: list[tuple[type[BaseModel], JsonSchemaMode, TypeAdapter[BaseModel]]] = [
            (model, mode, TypeAdapter(model)) for model, mode in wanted
        ]
        references, found = TypeAdapter.json_schemas(adapters, ref_template=REFERENCE)
        self._references = references
        self.definitions = _named(dated_schema(found["$defs"]))

    def of(self, model: type[BaseModel], mode: JsonSchemaMode) -> JsonValue:
        """A reference to the schema of a model."""
        reference: JsonValue = self._references[model, mode]
        return reference


def _named(definitions: JsonValue) -> JsonValue:
    """Where two models have one name, pydantic tells them apart by module; people by a word."""
    text = json.dumps(definitions)
    for name in definitions if isinstance(definitions, dict) else ():
        *_, module, model = ("", *name.split("__"))
        text = text.replace(name, f"{module.title()}{model}" if "__" in name else name)
    renamed: JsonValue = json.loads(text)
    return renamed


def _operation(each: Described, schemas: _Schemas) -> JsonValue:
    found: dict[str, JsonValue] = {
        "operationId": each.name,
        "summary": each.summary,
        "parameters": [*_parameters(each)],
        "responses": {str(status): _response(each, status, schemas) for status in each.statuses},
    }
    if each.takes_body and each.body.model_fields:
        content: dict[str, JsonValue] = {
            reading.JSON: {"schema": schemas.of(each.body, "validation")}
        }
        if each.yaml:
            content[reading.YAML] = {"schema": {"type": "string"}}
        found["requestBody"] = {"required": each.body_needed, "content": content}
    return found


def _parameters(each: Described) -> Iterable[JsonValue]:
    yield from _of_model(each.place, "path")
    yield from _of_model(each.query, "query")
    if each.keyed:
        yield KEY
    if each.guarded:
        yield IF_MATCH


def _of_model(model: type[BaseModel], where: str) -> Iterable[JsonValue]:
    schema = TypeAdapter(model).json_schema(mode="validation")
    shared: Mapping[str, JsonValue] = schema.get("$defs", {})
    for name, field in schema.get("properties", {}).items():
        inner = _inlined(field, shared)
        yield {
            "name": name,
            "in": where,
            "required": where == "path" or name in schema.get("required", ()),
            "schema": _without_null(inner),
        }


def _inlined(schema: JsonValue, shared: Mapping[str, JsonValue]) -> JsonValue:
    """The schema of a parameter as a whole: the few there are refer to enumerations only."""
    if isinstance(schema, list):
        return [_inlined(each, shared) for each in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return shared[reference.rpartition("/")[2]]
    return {name: _inlined(value, shared) for name, value in schema.items()}


def _without_null(schema: JsonValue) -> JsonValue:
    """A parameter that is not given is no null."""
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, JsonValue] = {
        name: value for name, value in schema.items() if value is not None
    }
    options = kept.pop("anyOf", None)
    if isinstance(options, list):
        (only,) = (one for one in options if one != {"type": "null"})
        kept.update(only if isinstance(only, dict) else {})
    return kept


def _response(each: Described, status: int, schemas: _Schemas) -> JsonValue:
    found: dict[str, JsonValue] = {"description": MEANINGS[status]}
    if status >= 400:
        schema = schemas.of(ProblemDetails, "serialization")
        return {**found, "content": {reading.PROBLEM: {"schema": schema}}}
    headers = _headers(each, status)
    if headers:
        found["headers"] = headers
    if each.media == EVENTS:
        found["content"] = {EVENTS: {}}
    elif each.gives is not None:
        found["content"] = {each.media: {"schema": schemas.of(each.gives, "serialization")}}
    return found


def _headers(each: Described, status: int) -> dict[str, JsonValue]:
    text: JsonValue = {"schema": {"type": "string"}}
    named = {
        "ETag": each.tagged,
        "Location": status == 202,
        "Link": "cursor" in each.query.model_fields,
    }
    return {name: text for name, there in named.items() if there}
