"""Runs tasks and remembers how the last of them ended, so that a failed load test is seen."""

import asyncio
import shlex
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from time import monotonic, time

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from activities.load.generator import LoadGenerator
from activities.load.options import LoadOptions
from activities.load.report import LoadReport
from worker.loadtester.command import Finished, run_command
from worker.loadtester.envelope import Task, TaskType
from workflows.model.value import Record

KEPT = 100
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class State(StrEnum):
    """How a task stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"


class Outcome(Record):
    """A task and how it ended; `took` is seconds, `report` is the built-in generator's."""

    id: int
    canary: str
    type: TaskType
    command: str
    started_at: datetime
    state: State = State.RUNNING
    took: float | None = None
    exit_code: int | None = None
    output: str = ""
    report: LoadReport | None = None


class _Ended(Record):
    state: State
    exit_code: int | None = None
    output: str = ""
    report: LoadReport | None = None


class Tasks:
    """Everything that runs or ran; `timeout` seconds are given to each."""

    def __init__(self, timeout: float, registry: CollectorRegistry) -> None:
        self._timeout = timeout
        self._ids = count(1)
        self._kept: dict[int, Outcome] = {}
        self._background: dict[str, asyncio.Task[Outcome]] = {}
        self._running = Gauge("serinus_loadtester_running_tasks", "Tasks now.", registry=registry)
        self._ended = Counter(
            "serinus_loadtester_tasks", "Tasks that ended.", ["type", "state"], registry=registry
        )

    def outcomes(self) -> list[Outcome]:
        """The last tasks, newest first."""
        return list(reversed(self._kept.values()))

    def start(self, task: Task) -> None:
        """Run in the background; the same task is not started while it runs."""
        key = task.fingerprint
        if key in self._background:
            _log.info("task.runs_already", canary=task.canary, command=task.command)
            return
        running = asyncio.create_task(self.run(task))
        self._background[key] = running
        running.add_done_callback(lambda ended: self._over(key, ended))

    def _over(self, key: str, ended: asyncio.Task[Outcome]) -> None:
        del self._background[key]
        if not ended.cancelled() and (error := ended.exception()) is not None:
            _log.error("task.broke", error=repr(error))

    async def close(self) -> None:
        """Stop what runs in the background."""
        running = list(self._background.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def run(self, task: Task) -> Outcome:
        """Run to the end."""
        outcome = self._begin(task)
        started = monotonic()
        ended = _Ended(state=State.FAILED)
        try:
            ended = await self._work(task)
        except asyncio.CancelledError:
            ended = _Ended(state=State.CANCELLED)
            raise
        finally:
            outcome = outcome.model_copy(update={**dict(ended), "took": monotonic() - started})
            self._end(task, outcome)
        return outcome

    def _begin(self, task: Task) -> Outcome:
        outcome = Outcome(
            id=next(self._ids),
            canary=task.canary,
            type=task.type,
            command=task.command,
            started_at=datetime.fromtimestamp(time(), UTC),
        )
        self._kept[outcome.id] = outcome
        self._running.inc()
        return outcome

    def _end(self, task: Task, outcome: Outcome) -> None:
        self._kept[outcome.id] = outcome
        over = [known.id for known in self._kept.values() if known.state is not State.RUNNING]
        for oldest in over[: max(0, len(self._kept) - KEPT)]:
            del self._kept[oldest]
        self._running.dec()
        self._ended.labels(task.type, outcome.state).inc()
        fields = {"canary": task.canary, "command": task.command, "state": str(outcome.state)}
        if task.log_output:
            fields["output"] = outcome.output
        _log.info("task.ended", **fields)

    async def _work(self, task: Task) -> _Ended:
        if task.load is not None:
            return await _load(task.load, self._timeout)
        return _ended(await run_command(_argv(task), self._timeout))


async def _load(options: LoadOptions, limit: float) -> _Ended:
    """A load test is done however the target answered; it failed when nothing was served."""
    generator = LoadGenerator(options)
    timer = asyncio.get_running_loop().call_later(limit, generator.stop)
    try:
        report = await generator.run()
    finally:
        timer.cancel()
    if report.stopped:
        return _Ended(state=State.TIMED_OUT, report=report)
    state = State.FAILED if report.failed == report.requests else State.DONE
    return _Ended(state=state, report=report)


def _ended(finished: Finished) -> _Ended:
    if finished.timed_out:
        return _Ended(state=State.TIMED_OUT, output=finished.output)
    state = State.DONE if finished.exit_code == 0 else State.FAILED
    return _Ended(state=state, exit_code=finished.exit_code, output=finished.output)


def _argv(task: Task) -> Sequence[str]:
    match task.type:
        case TaskType.CMD:
            return ("sh", "-c", task.command)
        case TaskType.BASH:
            return ("bash", "-c", task.command)
        case TaskType.HELMV3 if shutil.which("helmv3") is None:
            return ("helm", *shlex.split(task.command))
        case program:
            return (program, *shlex.split(task.command))
