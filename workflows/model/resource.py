"""The envelope of every manifest: camelCase fields, Kubernetes metadata, a status left unread.

Every kind of `workflows.model` that people write derives from `Resource`, every object inside
one from `Part`.
"""

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, model_validator
from pydantic.alias_generators import to_camel

from workflows.model.identity import DNS_NAME
from workflows.model.quantity import Flag, Whole
from workflows.model.raw import is_object
from workflows.model.value import Value

_IRREGULAR = {"disable_tls": "disableTLS"}

DnsName = Annotated[str, Field(pattern=DNS_NAME, max_length=253)]
Namespace = Annotated[str, Field(pattern=DNS_NAME, max_length=63)]
Labels = dict[str, str]


def field_name(attribute: str) -> str:
    """The name a field has in a manifest."""
    return _IRREGULAR.get(attribute) or to_camel(attribute)


class Part(Value):
    """An object in a manifest. A field that is null is a field left out, as in Kubernetes."""

    model_config = ConfigDict(alias_generator=field_name, serialize_by_alias=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: object) -> object:
        if not is_object(data):
            return data
        return {name: value for name, value in data.items() if value is not None}


class ObjectMeta(Part):
    """Kubernetes metadata; what its API server fills in is kept as it is."""

    name: DnsName
    namespace: Namespace = "default"
    labels: Labels = {}
    annotations: Labels = {}
    generate_name: str | None = None
    finalizers: tuple[str, ...] = ()
    uid: str | None = None
    generation: Whole | None = None
    resource_version: str | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: Whole | None = None
    self_link: str | None = None
    owner_references: tuple["OwnerReference", ...] = ()
    managed_fields: tuple[dict[str, JsonValue], ...] = ()


class OwnerReference(Part):
    """The object that a garbage collector deletes this one with."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: Flag = False
    block_owner_deletion: Flag = False


def _told_apart(schema: dict[str, JsonValue]) -> None:
    required = schema.get("required")
    schema["required"] = ["apiVersion", "kind", *(required if isinstance(required, list) else [])]


class Resource(Part):
    """A whole manifest. Its status is what others report about it, so it is passed over."""

    model_config = ConfigDict(json_schema_extra=_told_apart)

    metadata: ObjectMeta

    @model_validator(mode="before")
    @classmethod
    def _without_status(cls, data: object) -> object:
        if not is_object(data):
            return data
        return {name: value for name, value in data.items() if name != "status"}

    @property
    def key(self) -> str:
        """`namespace/name`, as people write it."""
        return f"{self.metadata.namespace}/{self.metadata.name}"
