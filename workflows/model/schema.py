"""The JSON Schema of every manifest, for editors; printed by `serinus schema`."""

from pydantic import JsonValue
from pydantic.json_schema import models_json_schema

from workflows.model.manifest import KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, JsonValue]:
    """One schema: an object of any kind, told apart by `kind`."""
    models = list(KINDS.values())
    references, definitions = models_json_schema(
        [(model, "validation") for model in models], by_alias=True
    )
    return {
        "$schema": DIALECT,
        "title": "Serinus manifest",
        "oneOf": [references[model, "validation"] for model in models],
        **definitions,
    }
