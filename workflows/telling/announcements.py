"""The rollout's side of telling people: what is new goes to its `Announcer`, and it goes on.

Owned by `workflows.rollout`. The first news start the child, which outlives the rollout; what
follows are signals. Nobody waits for a receiver here, only for Temporal to take the news, and that
only at the end of the run. A plan that nobody listens to costs no event.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import FailureError
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from workflows import search_attributes
from workflows.model.announcement import Announce, Announced, News
from workflows.model.identity import Slot
from workflows.model.plan import Plan
from workflows.run_record import RunRecord
from workflows.telling.alerting import keys, news, tells

WORKFLOW = "Announcer"
TELL = "tell"
ATTEMPTS = 3


def announcer_id(slot: Slot, run_id: str) -> str:
    """The id of the workflow that tells people of a run."""
    return f"announce/{slot.cluster}/{slot.namespace}/{slot.name}/{run_id}"


@dataclass
class Announcements:
    """What one rollout has told; `run_id` is the run in which it began."""

    slot: Slot
    run_id: str
    told: set[str] = field(default_factory=set[str])
    started: bool = False
    outbox: deque[News] = field(default_factory=deque[News])
    sending: asyncio.Task[None] | None = None

    watching: asyncio.Task[None] | None = None

    def resume(self, announced: Announced | None) -> None:
        """Go on where the run before this one stopped."""
        if announced is not None:
            self.run_id, self.told = announced.run_id, set(announced.told)
            self.started = bool(announced.told)

    @property
    def carried(self) -> Announced:
        """All that the next run needs."""
        return Announced(run_id=self.run_id, told=tuple(sorted(self.told)))

    def follow(self, run: RunRecord) -> None:
        """Tell what is new in the run from now on; for a plan that nobody listens to, nothing."""
        if run.plan is not None and tells(run.plan):
            self.watching = asyncio.create_task(self._watch(run))

    def say(self, plan: Plan, said: News) -> None:
        """Give it to Temporal, in its turn; returns at once."""
        self.told.update(keys(said))
        self.outbox.append(said)
        if self.idle:
            self.sending = asyncio.create_task(self._send(plan))

    @property
    def idle(self) -> bool:
        """Whether Temporal has taken everything."""
        return self.sending is None or self.sending.done()

    async def settled(self, run: RunRecord) -> None:
        """Wait until Temporal has taken everything; a run that ended before would lose it."""
        if self.watching is not None:
            self._look(run)
            self.watching.cancel()
            await workflow.wait([self.watching])
            if not self.watching.cancelled():
                self.watching.result()
        await self.taken()

    async def taken(self) -> None:
        """Wait until Temporal has what was said."""
        await workflow.wait_condition(lambda: self.idle)

    async def _watch(self, run: RunRecord) -> None:
        while True:
            await workflow.wait_condition(lambda: self._news(run) is not None)
            self._look(run)

    def _look(self, run: RunRecord) -> None:
        said = self._news(run)
        if said is not None and run.plan is not None:
            self.say(run.plan, said)

    def _news(self, run: RunRecord) -> News | None:
        if run.plan is None:
            return None
        at = workflow.now().timestamp()
        return news(run.plan, run.status(), self.run_id, self.told, at)

    async def _send(self, plan: Plan) -> None:
        while self.outbox:
            await self._hand_over(plan, self.outbox.popleft())

    async def _hand_over(self, plan: Plan, said: News) -> None:
        """Start or signal; where one is refused, the other fits: somebody else was first."""
        why = ""
        for _ in range(ATTEMPTS):
            try:
                if self.started:
                    await self._signal(said)
                else:
                    await self._start(plan, said)
                self.started = True
                return
            except FailureError as error:
                self.started = not self.started
                why = str(error)
        workflow.logger.error("announce.lost", extra={"slot": self.slot.key, "why": why})

    async def _signal(self, said: News) -> None:
        handle = workflow.get_external_workflow_handle(announcer_id(self.slot, self.run_id))
        await handle.signal(TELL, said)

    async def _start(self, plan: Plan, said: News) -> None:
        await workflow.start_child_workflow(
            WORKFLOW,
            Announce(
                slot=self.slot,
                run_id=self.run_id,
                routes=plan.alerts,
                hooks=plan.event_hooks,
                checksum=plan.checksum,
                news=said,
            ),
            id=announcer_id(self.slot, self.run_id),
            parent_close_policy=ParentClosePolicy.ABANDON,
            cancellation_type=ChildWorkflowCancellationType.ABANDON,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"tell people of {self.slot.key}",
            search_attributes=searchable(self.slot),
        )


def searchable(slot: Slot) -> TypedSearchAttributes:
    """How an `Announcer` is found by `serinus alerts`."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(search_attributes.NAMESPACE, slot.namespace),
            SearchAttributePair(search_attributes.APP, slot.name),
        ]
    )
