"""What must be true of an audit log, whatever happened to those who wrote it."""

from collections.abc import Iterator
from pathlib import Path

from activities.audit.chain import verify
from activities.audit.log import read_lines
from worker.records import audited_records
from workflows.records.replaying import replayed


def assert_audited(path: Path | None) -> None:
    """Every line is as it was written, and every decision in it comes out again."""
    assert path is not None
    assert verify(read_lines(path)).findings == []
    records = list(audited_records(path))
    assert records
    lines = list(differences(path))
    assert not lines, "\n".join(lines)


def differences(path: Path) -> Iterator[str]:
    """A line for each thing that a record says and that does not come out of it."""
    for found in audited_records(path):
        for difference in replayed(found.record).differences:
            yield f"{found.name}: {difference}"
