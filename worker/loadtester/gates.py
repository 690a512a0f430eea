"""Gates that people and scripts open and close for a canary; closed unless opened."""

import asyncio
from enum import StrEnum
from pathlib import Path

from worker.loadtester.disk import JsonFile
from workflows.model.value import Record


class GateKind(StrEnum):
    """An open gate lets a rollout go on; an open rollback takes it back."""

    GATE = "gate"
    ROLLBACK = "rollback"


class _Open(Record):
    """The file: what is open, as `name.namespace`."""

    gate: tuple[str, ...] = ()
    rollback: tuple[str, ...] = ()


class Gates:
    """All gates, kept in `gates.json` of the state folder."""

    def __init__(self, folder: Path) -> None:
        self._file = JsonFile(folder / "gates.json", _Open())
        self._lock = asyncio.Lock()
        found = self._file.read()
        self._open = {GateKind.GATE: set(found.gate), GateKind.ROLLBACK: set(found.rollback)}

    def is_open(self, kind: GateKind, canary: str) -> bool:
        """Whether the canary's gate is open."""
        return canary in self._open[kind]

    async def ensure(self, kind: GateKind, canary: str, *, is_open: bool) -> None:
        """Open or close; answers when it is on disk, and changes nothing when it cannot be."""
        async with self._lock:
            wanted = {known: set(canaries) for known, canaries in self._open.items()}
            change = wanted[kind].add if is_open else wanted[kind].discard
            change(canary)
            await self._file.write(
                _Open(
                    gate=tuple(sorted(wanted[GateKind.GATE])),
                    rollback=tuple(sorted(wanted[GateKind.ROLLBACK])),
                )
            )
            self._open = wanted
