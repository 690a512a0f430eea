"""Decoded data before it is a model: what YAML or JSON gave.

`isinstance` alone leaves the types inside unknown; used by the manifest models and their reader.
"""

from collections.abc import Mapping, Sequence
from typing import TypeGuard


def is_object(value: object) -> TypeGuard[Mapping[object, object]]:
    """Whether it is an object; its names may still be anything."""
    return isinstance(value, Mapping)


def is_array(value: object) -> TypeGuard[Sequence[object]]:
    """Whether it is a list or a tuple."""
    return isinstance(value, list | tuple)
