"""Keeps the decision record of a run, bounded, and puts it together.

Pure. `workflows.interpreter` has each decision kept, `workflows.run_record` answers with the
record. Digests are taken over canonical JSON, so that a file can be checked by itself.
"""

import json
from hashlib import sha256

from pydantic import JsonValue

from workflows.model.audit import AuditEntry, AuditKind
from workflows.model.course import Course, Timeline
from workflows.model.identity import Slot
from workflows.model.plan import ALL_PRIMARY, Ask, Observe, Plan, Shift
from workflows.model.record import (
    Decided,
    DecisionRecord,
    MoveKind,
    Pages,
    Restored,
    Told,
    Written,
)
from workflows.model.status import Entry
from workflows.moves import Event, Move
from workflows.records.bounds import bounded, size_of, waiting
from workflows.records.hiding import public
from workflows.records.recounting import happened, move_of


def decided(
    plan: Plan, at: float, before: Course, events: tuple[Event, Event], move: Move
) -> Decided:
    """One decision as it is kept: the event it was made of, and what was heard instead."""
    used, heard = (happened(plan, event) for event in events)
    return Decided(
        at=at,
        step=plan.steps[before.position].name if before.position < len(plan.steps) else "",
        event=used,
        before=before,
        move=move_of(move),
        overtook=None if events[0] is events[1] else heard,
    )


def with_decision(pages: Pages, slot: Slot, run_id: str, one: Decided) -> Pages:
    """Keep one more decision; the oldest ones, and their ticks, go when there are too many."""
    kept, sizes = bounded((*pages.decided, one), (*pages.sizes, size_of(one)))
    left_out = pages.left_out + len(pages.decided) + 1 - len(kept)
    pages = pages.model_copy(update={"decided": kept, "sizes": sizes, "left_out": left_out})
    told = isinstance(one.overtook or one.event, Told)
    if told or one.move.kind is MoveKind.RESTORE:
        return with_line(pages, slot, run_id, _brief(one))
    return pages


def with_line(
    pages: Pages, slot: Slot, run_id: str, content: Decided | Entry | DecisionRecord
) -> Pages:
    """One more entry that waits to be in the audit log: a decision, an order, the whole record."""
    number = pages.audited + 1
    entry = AuditEntry(
        id=f"{run_id}/{number}",
        at=_instant_of(content),
        kind=_kind_of(content),
        slot=slot,
        run_id=run_id,
        payload=content.model_dump(mode="json"),
    )
    unwritten = (*pages.unwritten, entry)
    if not isinstance(content, DecisionRecord):
        unwritten = waiting(unwritten)
    return pages.model_copy(update={"audited": number, "unwritten": unwritten})


def completed(bare: DecisionRecord, pages: Pages) -> DecisionRecord:
    """The record of a run: what it knows of itself, and its pages; credentials are hidden."""
    plan = bare.plan and public(bare.plan)
    whole = bare.model_copy(
        update={
            "plan": plan,
            "plan_checksum": "" if plan is None else checksum(plan.model_dump(mode="json")),
            "asked": pages.asked,
            "decided": pages.decided,
            "left_out": pages.left_out,
            "restored": pages.restored,
            "written": () if plan is None else written(pages.restored, plan, bare.timeline),
        }
    )
    return whole.model_copy(update={"digest": digest_of(whole.model_dump(mode="json"))})


def _brief(one: Decided) -> Decided:
    """For a line of its own: who triggered the release stands in the record."""
    nobody: dict[str, object] = {"authors": ()}
    course = one.move.course.model_copy(update=nobody)
    move = one.move.model_copy(update={"course": course})
    return one.model_copy(update={"before": one.before.model_copy(update=nobody), "move": move})


def _instant_of(content: Decided | Entry | DecisionRecord) -> float:
    if isinstance(content, DecisionRecord):
        return content.ended_at or content.started_at
    return content.at


def _kind_of(content: Decided | Entry | DecisionRecord) -> AuditKind:
    if isinstance(content, DecisionRecord):
        return AuditKind.RECORD
    restored = isinstance(content, Decided) and content.move.kind is MoveKind.RESTORE
    return AuditKind.RESTORE if restored else AuditKind.ORDER


def digest_of(record: dict[str, JsonValue]) -> str:
    """The digest of a record as plain data, whatever digest it carries."""
    return checksum({key: value for key, value in record.items() if key != "digest"})


def checksum(value: JsonValue) -> str:
    """SHA-256 of canonical JSON: keys sorted, no spaces, ASCII."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(text.encode()).hexdigest()


def written(restored: Restored | None, plan: Plan, timeline: Timeline) -> tuple[Written, ...]:
    """The routes that each step held from its beginning on, and those of a restore."""
    found: list[Written] = []
    for position, span in sorted(timeline.spans.items()):
        step = plan.steps[position]
        if isinstance(step, Ask | Observe | Shift):
            found.append(Written(at=span.started_at, step=step.name, routes=step.routes))
    if restored is not None:
        found.append(Written(at=restored.began_at, step="restore", routes=ALL_PRIMARY))
    return tuple(found)
