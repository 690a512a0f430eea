"""What differs between two revisions of a target: their templates, compared line by line.

The local platform keeps the templates in its home. Values that may be secrets are hidden.
"""

import asyncio
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml
from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from activities.local.home import Home
from activities.local.revisions import RevisionFolder
from worker.settings import Settings
from workflows.model.identity import Slot

HIDDEN = "hidden"
CONTEXT = 4
_TELLING = re.compile(r"auth|cookie|credential|key|passw|secret|signature|token", re.IGNORECASE)
_KINDS = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True)
class Line:
    """One line of the difference; `kind` is added, removed, place or same."""

    kind: str
    text: str


@dataclass(frozen=True)
class Difference:
    """Between two revisions; `missing` says why there is nothing to show."""

    before: str
    after: str
    lines: tuple[Line, ...] = ()
    missing: str = ""


async def difference(settings: Settings, slot: Slot, before: str | None, after: str) -> Difference:
    """From one revision of a slot to another."""
    if not before or not after:
        return Difference(before or "", after, missing="There is no revision before this one.")
    if before == after:
        return Difference(before, after, missing="Both are the same revision.")
    if settings.platform != "local":
        return Difference(
            before,
            after,
            missing=f"See it with: kubectl -n {slot.namespace} get controllerrevisions",
        )
    texts = await asyncio.to_thread(_texts, settings, slot, (before, after))
    if isinstance(texts, str):
        return Difference(before, after, missing=texts)
    return Difference(before, after, compared(texts[0], texts[1]))


def compared(before: str, after: str) -> tuple[Line, ...]:
    """A unified difference of two texts, without its header."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=CONTEXT)
    return tuple(Line(_KINDS.get(text[:1], "same"), text) for text in list(lines)[2:])


def _texts(settings: Settings, slot: Slot, revisions: tuple[str, str]) -> tuple[str, str] | str:
    folder = RevisionFolder(Home(settings.home))
    try:
        before, after = (folder.read(slot, revision) for revision in revisions)
    except ApplicationError:
        return "One of the two revisions is not kept any more."
    return _text(before.model_dump(mode="json", by_alias=True)), _text(
        after.model_dump(mode="json", by_alias=True)
    )


def _text(fields: Mapping[str, JsonValue]) -> str:
    return yaml.safe_dump(without_secrets(dict(fields)), sort_keys=True, allow_unicode=True)


def without_secrets(value: JsonValue) -> JsonValue:
    """The same with texts hidden whose names say that nobody may read them."""
    if isinstance(value, dict):
        return {
            key: HIDDEN if _TELLING.search(key) and isinstance(inner, str) else
            without_secrets(inner)
            for key, inner in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    return value
