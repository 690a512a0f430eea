"""Answers by `Idempotency-Key`: a key runs its task once, whatever is repeated or restarted."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from worker.loadtester.disk import JsonFile, StateError
from worker.loadtester.envelope import RefusedError
from workflows.errors import bounded
from workflows.model.value import Record

LIMIT = 1_000
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Answer(Record):
    """What the caller gets."""

    status: int
    body: str = ""


class _Kept(Record):
    """`answer` is `None` from the start of the task to its end."""

    task: str
    answer: Answer | None = None


class _File(Record):
    keys: dict[str, _Kept] = {}


class Answers:
    """The last `LIMIT` keys, kept in `answers.json` of the state folder."""

    def __init__(self, folder: Path) -> None:
        self._file = JsonFile(folder / "answers.json", _File())
        self._kept = dict(self._file.read().keys)
        self._running: dict[str, asyncio.Task[Answer]] = {}

    def once(
        self, key: str, task: str, work: Callable[[], Awaitable[Answer]]
    ) -> asyncio.Task[Answer] | Answer:
        """The first answer, or the running task that will give it; starts the work at most once."""
        kept = self._kept.get(key)
        if kept is None:
            return self._start(key, task, work)
        if kept.task != task:
            raise RefusedError(422, "Idempotency-Key: was used for another task")
        if kept.answer is not None:
            return kept.answer
        if key in self._running:
            return self._running[key]
        text = "the load tester was restarted while this task ran; it is not run a second time"
        return Answer(status=500, body=text)

    async def close(self) -> None:
        """Stop what runs; its keys stay taken."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _start(
        self, key: str, task: str, work: Callable[[], Awaitable[Answer]]
    ) -> asyncio.Task[Answer]:
        self._kept[key] = _Kept(task=task)
        running = asyncio.create_task(self._first(key, task, work))
        self._running[key] = running
        running.add_done_callback(lambda _: self._running.pop(key))
        return running

    async def _first(self, key: str, task: str, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """The key is on disk before the work starts, or the work does not start."""
        self._forget_oldest()
        try:
            await self._save()
        except StateError:
            del self._kept[key]
            raise
        answer = await work()
        self._kept[key] = _Kept(
            task=task, answer=Answer(status=answer.status, body=bounded(answer.body))
        )
        try:
            await self._save()
        except StateError as error:
            # The work is done, its caller must hear so; only a restart would forget the answer.
            _log.error("answer.not_kept", key=key, error=str(error))
        return answer

    async def _save(self) -> None:
        await self._file.write(_File(keys=dict(self._kept)))

    def _forget_oldest(self) -> None:
        over = [key for key in self._kept if key not in self._running]
        for oldest in over[: max(0, len(self._kept) - LIMIT)]:
            del self._kept[oldest]
