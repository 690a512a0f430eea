"""The roles file: who may do what, where. Read again when it changes.

    bindings:
      - role: approver
        groups: [shop-team]
        namespaces: [shop]

`people: [anonymous]` is for people who have not signed in; `*` is everybody who has.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from worker.gateway.identity import Binding, Role
from worker.gateway.live_file import LiveFile
from worker.settings import SettingsError
from workflows.model.value import Value

NAMES = tuple(role.name.lower() for role in Role)


def _role(value: object) -> object:
    if isinstance(value, str) and value.lower() in NAMES:
        return Role[value.upper()]
    raise ValueError(f"is no role; there are {', '.join(NAMES)}")


class Row(Value):
    """A binding as people write it."""

    role: Annotated[Role, BeforeValidator(_role)]
    people: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    namespaces: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)
    targets: Annotated[tuple[str, ...], Field(min_length=1)] = ("*",)

    @model_validator(mode="after")
    def _is_for_somebody(self) -> "Row":
        if not (self.people or self.groups):
            raise ValueError("is for nobody; name people or groups")
        return self

    def binding(self) -> Binding:
        return Binding.model_validate(self.model_dump())


class RolesFile(Value):
    """The whole file."""

    bindings: tuple[Row, ...] = ()


class Roles:
    """The bindings of a file; without one there are none."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else LiveFile(path, _reader(path))

    def bindings(self) -> tuple[Binding, ...]:
        """Those that hold now."""
        return () if self._file is None else self._file.value()


def read_roles(content: bytes, source: str) -> tuple[Binding, ...]:
    """Read a roles file; SettingsError names the path of each field that is wrong."""
    try:
        document: object = yaml.safe_load(content)
        found = RolesFile.model_validate({} if document is None else document)
    except yaml.YAMLError as error:
        raise SettingsError(f"{source}: is no YAML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{_path(each['loc'])}: {each['msg']}" for each in error.errors())
        raise SettingsError(f"{source}: {problems}") from error
    return tuple(row.binding() for row in found.bindings)


class _reader:  # noqa: N801  a function that remembers where it reads
    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, content: bytes | None) -> tuple[Binding, ...]:
        if content is None:
            raise SettingsError(f"{self._path}: the roles file is not there")
        return read_roles(content, str(self._path))


def _path(parts: Sequence[int | str]) -> str:
    """`bindings[0].role`."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "the file"
