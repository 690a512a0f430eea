"""Finding decision records: asked of Temporal while it knows the run, else read in the audit log.

Used by `serinus record`, `serinus replay`, the gateway, and the activity that keeps the record of
a terminated run. A record is plain data here: what is checked must be what was written.
"""

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from pydantic import JsonValue, ValidationError
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.audit.appending import RecordOf
from activities.audit.log import read_lines
from worker.rollouts import QUERY_WITHIN, NoAnswer, NoRollout
from workflows.errors import SerinusError
from workflows.model.audit import AuditKind
from workflows.model.identity import Slot
from workflows.model.record import DecisionRecord

Data = dict[str, JsonValue]


class UnreadableRecord(SerinusError):  # noqa: N818  the name says what is wrong
    """Something that should be a decision record is none."""


@dataclass(frozen=True)
class Found:
    """A record, and the number of its line in an audit log; 0 if it has none."""

    line: int
    record: Data

    @property
    def name(self) -> str:
        """Which run of what it is of."""
        slot = self.record.get("slot")
        key = f"{slot.get('namespace')}/{slot.get('name')}" if isinstance(slot, dict) else "?"
        name = f"{key} {self.record.get('run_id')}"
        return f"line {self.line}, {name}" if self.line else name


async def record_of(client: Client, slot: Slot, run_id: str = "") -> Data:
    """The record of a run, closed or not; of the newest one if none is named."""
    handle = client.get_workflow_handle(slot.workflow_id, run_id=run_id or None)
    try:
        answer: Data = await handle.query("record", result_type=Data, rpc_timeout=QUERY_WITHIN)
    except WorkflowQueryFailedError as error:
        raise UnreadableRecord(f"the run of {slot.key} cannot say its record: {error}") from error
    except RPCError as error:
        raise _of_rpc(error, slot) from error
    return answer


def terminated_record(client: Client) -> RecordOf:
    """The record that a terminated run had made until then; None if Temporal knows none."""

    async def ask(slot: Slot, run_id: str) -> DecisionRecord | None:
        try:
            return DecisionRecord.model_validate(await record_of(client, slot, run_id))
        except (NoRollout, UnreadableRecord):
            return None

    return ask


def audited_records(path: Path) -> Generator[Found]:
    """Every record of an audit log, the oldest first; FileNotFoundError if there is no log."""
    for number, line in enumerate(read_lines(path), 1):
        try:
            content: JsonValue = json.loads(line)
        except ValueError:
            # `serinus audit verify` says what is wrong with the line.
            continue
        record = _record_in(content)
        if record is not None:
            yield Found(number, record)


def newest_audited(path: Path, slot: Slot, run_id: str = "") -> Data | None:
    """The last record of a slot in an audit log, or that of one run."""
    newest: Data | None = None
    try:
        for found in audited_records(path):
            same_run = not run_id or found.record.get("run_id") == run_id
            if same_run and found.record.get("slot") == slot.model_dump(mode="json"):
                newest = found.record
    except FileNotFoundError:
        return None
    return newest


def parsed(data: Data) -> DecisionRecord:
    """Read a record; `UnreadableRecord` says what is wrong with it."""
    try:
        return DecisionRecord.model_validate(data)
    except ValidationError as error:
        problem = error.errors()[0]
        path = ".".join(str(part) for part in problem["loc"])
        raise UnreadableRecord(f"no decision record: {path}: {problem['msg']}") from error


def read_record(text: str) -> Data:
    """A record as a person has it in a file."""
    try:
        content: JsonValue = json.loads(text)
    except ValueError as error:
        raise UnreadableRecord(f"no decision record: it is no JSON: {error}") from error
    if not _is_object(content):
        raise UnreadableRecord("no decision record: it is no JSON object")
    return content


def _record_in(content: JsonValue) -> Data | None:
    if not _is_object(content):
        return None
    payload = content.get("payload")
    if content.get("kind") == AuditKind.TERMINATED and _is_object(payload):
        payload = payload.get("record")
    elif content.get("kind") != AuditKind.RECORD:
        return None
    return payload if _is_object(payload) else None


def _is_object(value: object) -> TypeGuard[Data]:
    return isinstance(value, dict)


def _of_rpc(error: RPCError, slot: Slot) -> SerinusError:
    if error.status is RPCStatusCode.NOT_FOUND:
        return NoRollout(f"Temporal knows no such run of {slot.key}")
    return NoAnswer(f"nobody answers for {slot.key}: {error.message}")
