"""The audit log of a chaos run: whole, a record a rollout, and each decides the same again."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from activities.audit.chain import verify
from activities.audit.log import read_lines
from tests.audits import differences
from worker.records import audited_records

PATIENCE = 90.0
"""Seconds for the last records to be written; a worker may have been killed just before."""


@dataclass
class Audited:
    """What the log holds, and what is wrong with it."""

    lines: int = 0
    records: int = 0
    decisions: int = 0
    wrong: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        return (
            f"audit log: {self.lines} lines, {self.records} records, {self.decisions} decisions "
            f"made again, {len(self.wrong)} differences"
        )


async def audited(log: Path, rollouts: int) -> Audited:
    """Wait for a record of each rollout at least, then read, verify and replay them all."""
    try:
        async with asyncio.timeout(PATIENCE):
            while await asyncio.to_thread(count, log) < rollouts:  # noqa: ASYNC110
                await asyncio.sleep(0.5)
    except TimeoutError:
        found = await asyncio.to_thread(look, log)
        found.wrong.append(f"only {found.records} records of {rollouts} rollouts")
        return found
    return await asyncio.to_thread(look, log)


def count(log: Path) -> int:
    return sum(1 for _ in audited_records(log)) if log.exists() else 0


def look(log: Path) -> Audited:
    if not log.exists():
        return Audited()
    seen = verify(read_lines(log))
    found = Audited(lines=seen.lines, wrong=[str(finding) for finding in seen.findings])
    for each in audited_records(log):
        decided = each.record.get("decided")
        found.records += 1
        found.decisions += len(decided) if isinstance(decided, list) else 0
    found.wrong += differences(log)
    return found
