"""`serinus record`, `replay` and `audit`: why a rollout went as it did, and whether that holds."""

import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from activities.audit.chain import verify
from activities.audit.log import read_lines
from worker import connection, record_page, records, settings
from worker.cli.exits import CommandFailed
from worker.cli.options import Format, Namespace
from worker.cli.output import complain, say, text_of
from worker.cli.session import slot_of
from worker.gateway.api.instants import undated
from worker.records import Data, Found, UnreadableRecord
from worker.rollouts import NoAnswer, NoRollout
from worker.settings import Settings
from workflows.model.identity import Slot

PATIENCE = 2.0
"""Seconds that a look waits for Temporal before it reads the audit log."""


class Shape(StrEnum):
    """How a record is printed."""

    MD = "md"
    JSON = "json"


Output = Annotated[
    Shape, Parameter(name=("--output", "-o"), help="md for people, json for programs and replay.")
]
Run = Annotated[str, Parameter(help="The run id; the newest run if not given.")]
Log = Annotated[Path | None, Parameter(help="An audit log; every record in it is replayed.")]
Head = Annotated[str, Parameter(help="The head of an earlier look; it must still be in the log.")]


async def record(
    name: str, *, run: Run = "", namespace: Namespace = "default", output: Output = Shape.MD
) -> int:
    """Show all that a rollout knew when it decided, and what it decided."""
    data = await _found(settings.load(), slot_of(namespace, name), run)
    if output is Shape.JSON:
        say(text_of(data, Format.JSON))
    else:
        say(record_page.markdown(records.parsed(data)).rstrip())
    return 0


def replay(file: str = "-", *, audit: Log = None) -> int:
    """Make every decision of a record again; a difference is an error.

    FILE is what `serinus record -o json` printed, - is standard input.
    """
    from workflows.records.replaying import replayed  # noqa: PLC0415  loads statistics for a second

    count, decisions, verdicts, differing = 0, 0, 0, 0
    for found in _records(file, audit):
        records.parsed(found.record)
        again = replayed(found.record)
        count, decisions = count + 1, decisions + again.decisions
        verdicts += again.verdicts
        differing += bool(again.differences)
        for difference in again.differences:
            say(f"{found.name}: {difference}")
    if audit is not None and not count:
        raise CommandFailed(f"no record in {audit}")
    differ = f"{differing} differ" if differing else "no difference"
    say(f"replayed: records {count}, decisions {decisions}, verdicts {verdicts}; {differ}")
    return 1 if differing else 0


def audit(what: Literal["verify"], file: Path | None = None, *, head: Head = "") -> int:
    """Verify an audit log: find a changed, removed, inserted or moved line.

    Prints the head of the log; kept elsewhere, it shows later that the end was not removed.
    """
    match what:
        case "verify":
            return _verify(file or _log_of(settings.load()), head)


def _verify(path: Path, head: str) -> int:
    try:
        seen = verify(read_lines(path), head)
    except FileNotFoundError as error:
        raise CommandFailed(f"there is no audit log {path}") from error
    for finding in seen.findings:
        complain(f"{path}: {finding}")
    for line in seen.torn:
        say(f"line {line} tells of a line that a crash cut off; what was in it was written again")
    good = "wrong" if seen.findings else "every line is as it was written"
    say(f"{path}: {seen.lines} lines, {good}; head {seen.head}")
    return 1 if seen.findings else 0


async def _found(own: Settings, slot: Slot, run: str) -> Data:
    """Of Temporal, or of the audit log once Temporal has forgotten the run."""
    try:
        client = await connection.connect(own, patience=PATIENCE)
        return await records.record_of(client, slot, run)
    except (connection.TemporalUnreachable, NoAnswer, NoRollout, UnreadableRecord) as error:
        kept = records.newest_audited(own.audit_path, slot, run) if own.audit_path else None
        if kept is None:
            raise
        complain(f"{error}; this is what the audit log says:")
        return kept


def _records(file: str, audit: Path | None) -> Iterable[Found]:
    if audit is None:
        text = sys.stdin.read() if file == "-" else _read(Path(file))
        # What the HTTP API answered has its instants as texts.
        found = undated(records.read_record(text))
        if not isinstance(found, dict):
            raise AssertionError(found)
        return (Found(0, found),)
    if not audit.exists():
        raise CommandFailed(f"there is no audit log {audit}")
    return records.audited_records(audit)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path} cannot be read: {error}") from error


def _log_of(own: Settings) -> Path:
    if own.audit_path is None:
        raise CommandFailed("no audit log is configured; name the file, or set SERINUS_AUDIT_LOG")
    return own.audit_path
