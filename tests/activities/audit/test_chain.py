"""No line of an audit log can be changed, removed, inserted or moved unnoticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.audit.chain import Link, line_of, read_line, verify
from workflows.model.audit import AuditEntry, AuditKind
from workflows.model.identity import Slot

TEXT = st.text(max_size=20)
KINDS = st.sampled_from(AuditKind)


def entry(number: int, kind: AuditKind = AuditKind.ORDER, text: str = "") -> AuditEntry:
    return AuditEntry(
        id=f"run/{number}", at=1.5 + number, kind=kind, slot=Slot(name="shop"), run_id="run",
        payload={"text": text, "inner": [1, None, {"a": 0.1}]},
    )  # fmt: skip


def a_log(*entries: AuditEntry) -> list[bytes]:
    link, lines = Link(), list[bytes]()
    for each in entries:
        line, link = line_of(each, link)
        lines.append(line)
    return lines


LOGS = st.lists(st.tuples(KINDS, TEXT), min_size=1, max_size=6).map(
    lambda said: a_log(*(entry(at, kind, text) for at, (kind, text) in enumerate(said)))
)


def _by_newline(text: bytes) -> list[bytes]:
    *whole, rest = text.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


@given(LOGS)
def test_a_log_that_nobody_touched_is_whole(lines: list[bytes]) -> None:
    seen = verify(lines)
    last = read_line(lines[-1][:-1])
    assert last is not None
    assert (seen.findings, seen.lines, seen.head) == ([], len(lines), last.link.hash)
    assert verify(lines, seen.head).findings == []


@given(LOGS, st.data())
def test_any_changed_byte_is_found_in_its_line(lines: list[bytes], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(0, len(lines[number]) - 1))
    flipped = bytearray(lines[number])
    flipped[at] ^= data.draw(st.integers(1, 255))
    changed = b"".join((*lines[:number], bytes(flipped), *lines[number + 1 :]))
    found = verify(_by_newline(changed)).findings
    assert found
    assert found[0].line in (number + 1, number + 2)


@given(LOGS, st.data())
def test_any_removed_line_is_found(lines: list[bytes], data: st.DataObject) -> None:
    head = verify(lines).head
    number = data.draw(st.integers(0, len(lines) - 1))
    left = lines[:number] + lines[number + 1 :]
    assert verify(left, head).findings
    if number < len(lines) - 1:
        (finding,) = verify(left).findings
        assert finding.line == number + 1
        assert f"seq {number + 1} should stand before it" in finding.what


@given(LOGS, st.data())
def test_any_line_inserted_or_moved_is_found(lines: list[bytes], data: st.DataObject) -> None:
    forged, _ = line_of(entry(99, text="forged"), Link(len(lines) - 1, verify(lines[:-1]).head))
    number = data.draw(st.integers(0, len(lines) - 1))
    assert verify([*lines[:number], forged, *lines[number:]]).findings
    moved = data.draw(st.permutations(lines))
    assert bool(verify(moved).findings) == (moved != lines)


@given(LOGS, st.data())
def test_a_line_that_was_replaced_with_its_hash_made_right_is_found(
    lines: list[bytes], data: st.DataObject
) -> None:
    head, number = verify(lines).head, data.draw(st.integers(0, len(lines) - 1))
    forged, _ = line_of(entry(99, text="forged"), Link(number, verify(lines[:number]).head))
    wrong = [*lines[:number], forged, *lines[number + 1 :]]
    assert verify(wrong, head).findings
    if number < len(lines) - 1:
        (finding,) = verify(wrong).findings
        assert (finding.line, "was replaced" in finding.what) == (number + 2, True)


def test_an_end_that_was_cut_off_is_found_by_the_head_that_was_kept() -> None:
    lines = a_log(*map(entry, range(4)))
    head = verify(lines).head
    assert verify(lines[:3]).findings == []
    (finding,) = verify(lines[:3], head).findings
    assert "the end of the log was removed" in finding.what
    assert verify(a_log(*map(entry, range(6))), head).findings == []


def test_a_log_written_anew_from_a_line_on_is_found_by_the_head() -> None:
    lines = a_log(*map(entry, range(4)))
    anew = a_log(*map(entry, range(3)), entry(3, text="changed"))
    assert verify(anew).findings == []
    assert verify(anew, verify(lines).head).findings


@pytest.mark.parametrize("line", [b"", b"{}", b"not json", b'{"seq":0}', b"\xff\xfe"])
def test_what_is_no_line_is_said_to_be_none(line: bytes) -> None:
    (finding,) = verify([line + b"\n"]).findings
    assert finding.what == "is no line of an audit log: it was changed"
