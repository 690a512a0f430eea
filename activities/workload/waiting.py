"""Waits for live objects to become ready, by watching them: nothing is asked again and again."""

import asyncio
import time
from collections.abc import Callable

from activities.kube.api import Change, KubeApi
from activities.kube.fenced import refuse_overtaken
from activities.kube.objects import KubeObject, Ref, ref_of
from activities.workload.needs import Work
from activities.workload.readiness import Never, NotYet, Readiness, Ready
from workflows.errors import Reason, failure

Judge = Callable[[KubeObject], Readiness]


class Waiting:
    """One for a worker. Times are seconds since 1970."""

    def __init__(self, api: KubeApi, clock: Callable[[], float] = time.time) -> None:
        self._api = api
        self._clock = clock

    async def until_ready(
        self, work: Work, ref: Ref, judge: Judge, *, within: float | None = None
    ) -> None:
        """`ProgressDeadlineExceeded` when it is not ready in time, or never will be.

        The time is the deadline of the work, or `within` from now.

        Looked at once even after the deadline: while no worker was there it may have become ready.
        """
        live = await self._api.read(ref)
        seen: list[Readiness] = [NotYet("it is not there") if live is None else judge(live)]
        if isinstance(seen[0], Ready):
            return
        if isinstance(seen[0], Never):
            raise _too_late(ref, seen[0], "and its controller has given up")
        deadline = work.deadline if within is None else within
        left = within or work.began + deadline - self._clock()
        try:
            async with asyncio.timeout(max(left, 0)):
                await self._watched(work, ref, judge, seen)
        except TimeoutError:
            raise _too_late(ref, seen[0], f"after {deadline:g} s") from None
        if isinstance(seen[0], Never):
            raise _too_late(ref, seen[0], "and its controller has given up")

    async def _watched(self, work: Work, ref: Ref, judge: Judge, seen: list[Readiness]) -> None:
        changes = self._api.watch(ref.api_version, ref.kind, ref.namespace)
        try:
            async for each in changes:
                if each.change is Change.SYNCED or ref_of(each.obj) != ref:
                    continue
                refuse_overtaken(each.obj, ref, work.fence)
                gone = each.change is Change.DELETED
                seen[0] = NotYet("it was deleted") if gone else judge(each.obj)
                if not isinstance(seen[0], NotYet):
                    return
        finally:
            await changes.aclose()


def _too_late(ref: Ref, last: Readiness, when: str) -> Exception:
    why = "" if isinstance(last, Ready) else f": {last.why}"
    return failure(
        Reason.PROGRESS_DEADLINE,
        f"{ref} is not ready {when}{why}; see its events and the logs of its pods",
        retryable=False,
    )
