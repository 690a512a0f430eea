"""The audit log on a disk: each entry once, whatever crashes, and nothing half written."""

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.audit.appending import FileAuditing, open_auditing
from activities.audit.chain import verify
from activities.audit.log import AuditLog, read_lines
from tests.activities.audit.test_chain import entry
from tests.activities.local.small_disk import small_file_system
from tests.unit.record.runs import bad_run
from workflows.errors import Reason, reason_of
from workflows.model.audit import AuditKind, AuditLines, TerminatedRun
from workflows.model.identity import Slot
from workflows.model.record import DecisionRecord

WRITER = """
import sys
from pathlib import Path
from activities.audit.log import AuditLog
from tests.activities.audit.test_chain import entry
log = AuditLog(Path(sys.argv[1]))
first = int(sys.argv[2])
for number in range(first, first + 40):
    log.append([entry(number), entry(number - 1)])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit" / "audit.jsonl"


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in read_lines(path)]


def test_an_entry_that_comes_again_is_not_written_again(path: Path) -> None:
    log = AuditLog(path)
    assert log.append([entry(1), entry(2)]) == 2
    assert log.append([entry(2), entry(3)]) == 1
    assert AuditLog(path).append([entry(1), entry(3)]) == 0
    assert ids(path) == ["run/1", "run/2", "run/3"]
    assert verify(read_lines(path)).findings == []


def test_several_processes_write_one_chain(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(first)])
        for first in (100, 200, 300)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    seen = verify(read_lines(path))
    assert (seen.findings, seen.lines) == ([], 3 * 41)
    assert len(set(ids(path))) == 3 * 41


@pytest.mark.parametrize("kept", [1, 50, 4_000])
def test_a_line_that_a_crash_cut_off_is_told_of_and_written_again(path: Path, kept: int) -> None:
    AuditLog(path).append([entry(1), entry(2, text="x" * 5_000)])
    *_, last = read_lines(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: -len(last)] + last[:kept])
    (finding,) = verify(read_lines(path)).findings
    assert "is cut off" in finding.what
    assert AuditLog(path).append([entry(2, text="x" * 5_000)]) == 1
    seen = verify(read_lines(path))
    assert (seen.findings, seen.lines, seen.torn) == ([], 3, [2])
    torn = json.loads(list(read_lines(path))[1])
    assert torn["payload"]["bytes"] == kept
    assert last.decode().startswith(torn["payload"]["text"])


def test_a_log_that_was_moved_away_begins_anew(path: Path) -> None:
    log = AuditLog(path)
    log.append([entry(1)])
    path.rename(path.with_name("old.jsonl"))
    assert log.append([entry(1)]) == 1
    assert verify(read_lines(path)).lines == 1


def test_a_spoilt_line_does_not_stop_the_next_and_is_still_found(path: Path) -> None:
    AuditLog(path).append([entry(1), entry(2)])
    path.write_bytes(path.read_bytes().replace(b'"hash"', b'"HASH"', 1) + b"nonsense\n")
    assert AuditLog(path).append([entry(3)]) == 1
    assert [finding.line for finding in verify(read_lines(path)).findings] == [1, 3]


async def test_a_full_disk_is_said_and_leaves_no_half_of_a_line(tmp_path: Path) -> None:
    with small_file_system(tmp_path, "64k") as folder, ThreadPoolExecutor(1) as executor:
        path = folder / "audit.jsonl"
        auditing = FileAuditing(AuditLog(path), executor, _nobody_knows)
        await auditing.append(AuditLines(entries=(entry(1),)))
        big = AuditLines(entries=(entry(2, text="x" * 200_000),))
        for _ in range(2):
            with pytest.raises(ApplicationError) as refused:
                await auditing.append(big)
            assert reason_of(refused.value) is Reason.STORAGE_FULL
            assert not refused.value.non_retryable
        await auditing.append(AuditLines(entries=(entry(3),)))
        assert ids(path) == ["run/1", "run/3"]
        assert verify(read_lines(path)).findings == []


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with open_auditing(tmp_path / "file" / "audit.jsonl", _nobody_knows) as auditing:
        with pytest.raises(ApplicationError) as refused:
            await auditing.append(AuditLines(entries=(entry(1),)))
    assert reason_of(refused.value) is Reason.AUDIT_UNWRITABLE
    assert not refused.value.non_retryable


async def test_many_at_once_are_all_written(path: Path) -> None:
    async with open_auditing(path, _nobody_knows) as auditing:
        many = (auditing.append(AuditLines(entries=(entry(number),))) for number in range(100))
        await asyncio.gather(*many)
    assert verify(read_lines(path)).lines == 100


async def test_a_terminated_run_leaves_the_record_it_had_or_a_line_that_it_had_none(
    path: Path,
) -> None:
    record = bad_run().state.record()

    async def known(slot: Slot, run_id: str) -> DecisionRecord | None:
        return record if run_id == "run" else None

    async with open_auditing(path, known) as auditing:
        for run_id in ("run", "another", "run"):
            at_end = TerminatedRun(slot=Slot(name="shop"), run_id=run_id, at=1.0, message="gone")
            await auditing.terminated(at_end)
    had, had_none = (json.loads(line) for line in read_lines(path))
    assert had["kind"] == had_none["kind"] == AuditKind.TERMINATED
    assert had["payload"]["record"] == record.model_dump(mode="json")
    assert had_none["payload"] == {"message": "gone", "record": None}


async def _nobody_knows(slot: Slot, run_id: str) -> DecisionRecord | None:
    return None
