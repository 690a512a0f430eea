"""The audit log as a chain: how a line is made, and what is wrong with lines.

Pure. `activities.audit.log` writes with it, `serinus audit verify` reads with it. A line is one
JSON object. Its last field is `hash`, the SHA-256 of every byte of the line before that field; its
field `prev` is the `hash` of the line before it, so no line can be changed, removed, inserted or
moved without a trace in a line after it.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from workflows.model.audit import AuditEntry, AuditKind

NOTHING = "0" * 64
"""What the first line follows."""
_END = re.compile(rb',"hash":"([0-9a-f]{64})"}\Z')
_HEAD = re.compile(
    rb'\{"seq":([1-9][0-9]*),"prev":"([0-9a-f]{64})","id":"([^"\\]*)","kind":"(\w+)"'
)


@dataclass(frozen=True, slots=True)
class Link:
    """Where a chain stands: the number and the hash of its last line."""

    seq: int = 0
    hash: str = NOTHING


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says of itself; `kept` is whether its bytes are those that were written."""

    link: Link
    prev: str
    id: str
    kind: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the line of that number, the first of the file being 1."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


@dataclass
class Verified:
    """What came of a look at a whole log; `torn` are lines that tell of a crash."""

    lines: int = 0
    head: str = NOTHING
    findings: list[Finding] = field(default_factory=list[Finding])
    torn: list[int] = field(default_factory=list[int])


def line_of(entry: AuditEntry, before: Link) -> tuple[bytes, Link]:
    """The bytes of a line, with its newline, and where the chain stands after it."""
    content = {"seq": before.seq + 1, "prev": before.hash}
    content |= entry.model_dump(mode="json", include={"id"})
    content |= {"kind": entry.kind.value, "at": entry.at}
    content |= {"slot": entry.slot.model_dump(mode="json"), "run_id": entry.run_id}
    content |= {"payload": entry.payload}
    # ASCII only: no text that somebody typed can break a line or be no UTF-8.
    body = json.dumps(content, ensure_ascii=True, separators=(",", ":"))[:-1].encode()
    link = Link(before.seq + 1, sha256(body).hexdigest())
    return body + f',"hash":"{link.hash}"}}\n'.encode(), link


def read_line(text: bytes) -> Line | None:
    """Read a line without its newline; None if it is no line of a log."""
    head, end = _HEAD.match(text), _END.search(text)
    if head is None or end is None:
        return None
    seq, prev, name, kind = (part.decode() for part in head.groups())
    recorded = end[1].decode()
    kept = sha256(text[: end.start()]).hexdigest() == recorded
    return Line(Link(int(seq), recorded), prev, name, kind, kept)


def verify(lines: Iterable[bytes], expected_head: str = "") -> Verified:
    """Look at a log line by line, each with its newline; `expected_head` must be one of them.

    The head of an earlier look is still in a log that has only grown.
    """
    seen, before = Verified(), Link()
    known = not expected_head or expected_head == NOTHING
    for number, raw in enumerate(lines, 1):
        seen.lines = number
        line = read_line(raw[:-1]) if raw.endswith(b"\n") else None
        if line is None:
            seen.findings.append(Finding(number, _unreadable(raw)))
            before = Link(before.seq + 1, "")
            continue
        seen.findings.extend(Finding(number, what) for what in _wrong(line, before))
        if line.kind == AuditKind.TORN:
            seen.torn.append(number)
        known = known or line.link.hash == expected_head
        if line.link.seq > before.seq:
            before = line.link
            seen.head = before.hash
    if not known:
        seen.findings.append(Finding(seen.lines, _without_head(expected_head)))
    return seen


def _unreadable(raw: bytes) -> str:
    if not raw.endswith(b"\n"):
        return (
            "is cut off: a writer crashed, or somebody cut it; "
            "the next append would keep what is left of it in a line of kind torn"
        )
    return "is no line of an audit log: it was changed"


def _wrong(line: Line, before: Link) -> Iterable[str]:
    seq, expected = line.link.seq, before.seq + 1
    if not line.kept:
        yield f"seq {seq} was changed: its content does not give its hash"
    if seq < expected:
        yield f"seq {seq} stands after seq {before.seq}: it was inserted or moved here"
    elif seq > expected:
        gone = f"seq {expected}" if seq == expected + 1 else f"seq {expected} to {seq - 1}"
        yield f"{gone} should stand before it: removed or moved away"
    elif before.hash and line.prev != before.hash:
        yield f"seq {seq} follows another line than the one before it: one of the two was replaced"


def _without_head(head: str) -> str:
    return (
        f"no line has the hash {head}: the end of the log was removed, "
        "or it was written anew from an earlier line on"
    )
