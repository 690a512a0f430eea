"""Snapshots of what was analysed: promotion and undo run these, never the manifest of the moment.

Written by `activities.local.planning`, run by `activities.local.copies`.
"""

from pydantic import ValidationError

from activities.local.home import Home
from workflows.errors import Reason, failure
from workflows.model.identity import Slot
from workflows.model.process import ProcessSpec

KEPT = 10


class RevisionFolder:
    """Blocking; call it from a thread."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def keep(self, slot: Slot, revision: str, spec: ProcessSpec) -> None:
        path = self._home.revision(slot, revision)
        text = spec.model_dump_json(by_alias=True, indent=2) + "\n"
        self._home.keep(path, text)

    def read(self, slot: Slot, revision: str) -> ProcessSpec:
        path = self._home.revision(slot, revision)
        try:
            return ProcessSpec.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError) as error:
            raise failure(
                Reason.TARGET_NOT_FOUND,
                f"revision {revision} of {slot.key} cannot be read from {path}: {error}; "
                "apply its manifest again",
                retryable=False,
            ) from error

    def prune(self, slot: Slot, needed: frozenset[str]) -> None:
        """Forget all but the newest and those needed."""
        folder = self._home.revision(slot, "any").parent
        paths = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in paths[KEPT:]:
            if path.stem not in needed:
                self._home.remove(path)
