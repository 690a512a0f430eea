"""Two thousand rollouts at once on one worker: `python -m tests.bench many`.

By itself, `python -m tests.bench.many 2000 30 500`: so many rollouts, ticks a weight, and seconds
over which they are started.

The Temporal server as `serinus up` starts it, but in memory: one SQLite file is for one machine's
rollouts, thousands at once are for a server with a database. One worker process with the real
workflows and the real observation, on a platform that does nothing. Each rollout has two weights
of six ticks if not said otherwise, an interval of 10 s, three checks a tick and the guard's look
every half second. A tick is late by what lies between the moment it was due and the moment it
began.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from temporalio.api.enums.v1 import EventType, TimeoutType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from tests.bench.server import Server, temporal_server
from tests.bench.table import judged, show, tell
from tests.builders import a_plan
from worker.rollouts import QUEUE
from worker.stack import waiting
from workflows.model.input import RolloutInput, RolloutResult
from workflows.model.measurement import MetricQuery, Threshold
from workflows.model.plan import Check, Observe, Plan
from workflows.rollout import Rollout

ROLLOUTS = 2_000
TICKS = 6
INTERVAL = 10.0
CHECKS = 3
LATEST = 1.0
AT_ONCE = 50
PATIENCE = 2_400.0
_TROUBLE = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
}


@dataclass(frozen=True)
class Size:
    """`ticks` of each of two weights; `over` is seconds between the first start and the last."""

    count: int = ROLLOUTS
    ticks: int = TICKS
    over: float = 0.0

    @property
    def expected(self) -> int:
        return self.count * 2 * self.ticks


def the_plan(ticks: int) -> Plan:
    plan = a_plan(10, 50)
    steps = tuple(
        step.model_copy(update={"passes": ticks}) if isinstance(step, Observe) else step
        for step in plan.steps
    )
    checks = tuple(
        Check(
            metric=MetricQuery(check=f"check-{number}", provider="local", query="success"),
            threshold=Threshold(min=99),
        )
        for number in range(CHECKS)
    )
    analysis = plan.analysis.model_copy(update={"checks": checks, "interval": INTERVAL})
    return plan.model_copy(update={"steps": steps, "analysis": analysis})


@dataclass
class Spent:
    """What a process took: peak memory in bytes, and seconds of processor time."""

    process: psutil.Process
    peak: int = 0
    processor: float = 0.0

    def look(self) -> None:
        self.peak = max(self.peak, self.process.memory_info().rss)
        times = self.process.cpu_times()
        self.processor = times.user + times.system


@dataclass
class Seen:
    """What one run of the benchmark saw."""

    size: Size
    started: float = 0.0
    took: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter[str])
    trouble: Counter[str] = field(default_factory=Counter[str])
    late: list[float] = field(default_factory=list[float])
    worker: Spent | None = None
    server: Spent | None = None

    def percentile(self, percent: float) -> float:
        ordered = sorted(self.late)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


@asynccontextmanager
async def idle_worker(server: Server, said: Path, ticks: int) -> AsyncGenerator[psutil.Process]:
    """One worker process; at its end `said` holds how late it was."""
    plan = server.settings.home / "plan.json"
    plan.write_text(the_plan(ticks).model_dump_json())
    # As where people run it: whatever is set here, modules are compiled once and not for each run.
    compiled = ("-E", "-X", f"pycache_prefix={server.settings.home / 'compiled'}")
    arguments = (*compiled, "-m", "tests.bench.idle_platform", str(server.settings.home), str(plan))
    with said.open("wb") as out:
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=out)
    try:

        async def pid() -> int:
            return process.pid

        probe = waiting.worker_polls(server.client, server.settings.cluster, pid)
        assert await waiting.until(probe, 60.0), "the worker does not poll"
        yield psutil.Process(process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def measure(size: Size) -> Seen:
    seen, count = Seen(size), size.count
    async with temporal_server(in_memory=True) as server:
        said = server.settings.home / "late.txt"
        async with idle_worker(server, said, size.ticks) as worker:
            seen.worker, seen.server = Spent(worker), Spent(server.process)
            began = time.monotonic()
            looking = asyncio.create_task(_look(seen))
            await _start(server.client, size)
            seen.started = time.monotonic() - began
            tell(f"{count} rollouts started in {seen.started:.0f} s")
            await _all_over(server.client, count)
            seen.took = time.monotonic() - began
            looking.cancel()
            await _histories(server.client, seen)
        _read(seen, said.read_text().splitlines())
    return seen


async def _start(client: Client, size: Size) -> None:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        start = RolloutInput(name=f"app-{number}")
        await asyncio.sleep(number * size.over / size.count)
        async with turn:
            await client.start_workflow(
                Rollout.run, start, id=start.slot.workflow_id, task_queue=QUEUE
            )

    async with asyncio.TaskGroup() as group:
        for number in range(size.count):
            group.create_task(one(number))


async def _look(seen: Seen) -> None:
    while True:
        for spent in (seen.worker, seen.server):
            if spent is not None:
                spent.look()
        await asyncio.sleep(1.0)


async def _all_over(client: Client, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        over = 0
        while over < count:
            await asyncio.sleep(2.0)
            query = "WorkflowType = 'Rollout' AND ExecutionStatus != 'Running'"
            over = (await client.count_workflows(query)).count


async def _histories(client: Client, seen: Seen) -> None:
    """Everything that Temporal noted as trouble, in every run."""
    for number in range(seen.size.count):
        slot = RolloutInput(name=f"app-{number}").slot
        handle = client.get_workflow_handle(slot.workflow_id, result_type=RolloutResult)
        result: RolloutResult = await handle.result()
        seen.outcomes[result.outcome] += 1
        for event in (await handle.fetch_history()).events:
            if event.event_type in _TROUBLE:
                seen.trouble[_name(event)] += 1
            if event.activity_task_started_event_attributes.attempt > 1:
                seen.trouble["activities tried again"] += 1


def _name(event: HistoryEvent) -> str:
    """Say which of its time limits a task exceeded."""
    name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
    limit = event.workflow_task_timed_out_event_attributes.timeout_type
    return f"{name} {TimeoutType.Name(limit).removeprefix('TIMEOUT_TYPE_')}" if limit else name


def _read(seen: Seen, lines: Iterable[str]) -> None:
    for line in lines:
        word, _, number = line.partition(" ")
        if word == "late":
            seen.late.append(float(number))
        elif word == "again" and int(number):
            seen.trouble["observations begun again"] += int(number)


def main(size: Size = Size()) -> bool:
    seen, count = asyncio.run(measure(size)), size.count
    assert seen.worker is not None
    assert seen.server is not None
    least = 2 * size.ticks * INTERVAL
    trouble = ", ".join(f"{what}: {often}" for what, often in seen.trouble.items()) or "none"
    rows = [
        ("all started within", f"{seen.started:.1f} s"),
        ("all over after", f"{seen.took:.1f} s (one alone takes {least:.0f} s)"),
        ("outcomes", ", ".join(f"{count} {name}" for name, count in seen.outcomes.items())),
        ("tasks timed out, failed or tried again", trouble),
        ("ticks", len(seen.late)),
        *((f"late, {name}", f"{1000 * late:.0f} ms") for name, late in _late(seen)),
        *(_spent("worker", seen.worker)),
        *(_spent("Temporal server", seen.server)),
    ]
    show(f"{count} rollouts at once, {CHECKS} checks each, interval {INTERVAL:g} s", ("", ""), rows)
    all_well = judged(
        not seen.trouble and seen.outcomes == {"promoted": count},
        f"no task times out, all are promoted: {trouble}",
    )
    complete = judged(len(seen.late) == size.expected, f"{size.expected} ticks: {len(seen.late)}")
    p99 = seen.percentile(99)
    on_time = judged(p99 <= LATEST, f"p99 of lateness ≤ {LATEST:g} s: {p99:.3f} s")
    return all_well and complete and on_time


def _late(seen: Seen) -> list[tuple[str, float]]:
    return [*((f"p{p}", seen.percentile(p)) for p in (50, 95, 99)), ("worst", max(seen.late))]


def _spent(name: str, spent: Spent) -> tuple[tuple[str, str], ...]:
    return (
        (f"{name}: memory at most", f"{spent.peak / 2**20:.0f} MB"),
        (f"{name}: processor time", f"{spent.processor:.0f} s"),
    )


if __name__ == "__main__":
    sys.exit(not main(Size(*(int(number) for number in sys.argv[1:4]))))
