"""Keeps what a run remembers small enough for Temporal, whatever people and providers do.

Called by `workflows.records.recording`. Temporal refuses a payload of 2 MB, and a rollout whose
record it refused could not end; so bytes are counted, not lines. Pure.
"""

from workflows.model.audit import AuditEntry
from workflows.model.record import Decided, Ended
from workflows.model.value import Record
from workflows.records.recounting import without_ticks

KEPT_DECISIONS = 500
"""The newest; a plan of a hundred weights makes half of them."""
KEPT_BYTES = 600_000
"""Of decisions: first the ticks of the oldest observations go, then the oldest decisions."""
UNWRITTEN_BYTES = 300_000
"""Of entries that wait for the audit log; what goes is in the record all the same."""


def size_of(value: Record) -> int:
    """Bytes of a value as JSON."""
    return len(value.model_dump_json().encode())


def bounded(
    decided: tuple[Decided, ...], sizes: tuple[int, ...]
) -> tuple[tuple[Decided, ...], tuple[int, ...]]:
    """The newest decisions that there is room for, and the size of each; the last one stays."""
    kept, known = list(decided[-KEPT_DECISIONS:]), list(sizes[-KEPT_DECISIONS:])
    over = sum(known) - KEPT_BYTES
    for at, one in enumerate(kept[:-1]):
        if over <= 0:
            break
        kept[at] = _without_ticks(one)
        over -= known[at] - (size := size_of(kept[at]))
        known[at] = size
    while over > 0 and len(kept) > 1:
        kept.pop(0)
        over -= known.pop(0)
    return tuple(kept), tuple(known)


def waiting(entries: tuple[AuditEntry, ...]) -> tuple[AuditEntry, ...]:
    """The newest entries that there is room for; the last one stays."""
    room, kept = UNWRITTEN_BYTES, len(entries) - 1
    for entry in reversed(entries):
        room -= size_of(entry)
        if room < 0:
            break
        kept -= 1
    return entries[min(kept + 1, len(entries) - 1) :]


def _without_ticks(one: Decided) -> Decided:
    seen = one.event.observation if isinstance(one.event, Ended) else None
    if seen is None or not seen.evidence.ticks:
        return one
    return one.model_copy(update={"event": Ended(observation=without_ticks(seen))})
