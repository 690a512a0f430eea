"""Follows a plan step by step until its end or a restore.

Owned by `workflows.rollout`. It runs steps as tasks, listens to orders meanwhile, and does what
`workflows.decide` says; it decides nothing itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from workflows import search_attributes
from workflows.decide import Done, Event, Failed, Kind, Looked, Move, Ordered, next_move
from workflows.details import current_details
from workflows.errors import Reason, bounded, reason_of
from workflows.model.decisions import Submit
from workflows.model.hook import HookType
from workflows.model.observation import Observation
from workflows.model.plan import Ask, Call, Finish, Plan, Promote, Shift, Step
from workflows.perform import Performer
from workflows.run_record import RunRecord

FLEETING = (Call, Finish, Shift)


@dataclass
class Interpreter:
    """`renew` is called between steps, so that a long history can continue as new."""

    run: RunRecord
    performer: Performer
    renew: Callable[[Plan], None]
    orders: deque[Ordered | Submit] = field(default_factory=deque[Ordered | Submit])
    handled: int = 0
    running: asyncio.Task[Observation | None] | None = None

    async def follow(self, plan: Plan) -> Move | None:
        """Until the end of the plan (`None`) or the move that says restore."""
        while self.running is not None or self.run.step is not None:
            if self.running is None:
                self._begin(plan)
            event = await self._next_event()
            move = next_move(plan, self.run.course, event)
            if move.kind is not Kind.KEEP and await self.stop():
                move = next_move(plan, self.run.course, Done())
            self._take(event, move)
            if move.kind is Kind.RESTORE:
                return move
        return None

    async def stop(self) -> bool:
        """Stop what runs; true if it was the promotion and was done before it could be stopped."""
        task, self.running = self.running, None
        if task is None:
            return False
        task.cancel()
        await workflow.wait([task])
        succeeded = not task.cancelled() and task.exception() is None
        return succeeded and isinstance(self.run.step, Promote) and not self.run.course.holding

    def _begin(self, plan: Plan) -> None:
        run, step = self.run, self.run.step
        if step is None:
            raise AssertionError("the plan has no step at this position")
        self.renew(plan)
        if run.course.holding:
            step = self._hold(step)
        else:
            run.timeline = run.timeline.began(run.course.position, workflow.now().timestamp())
        work = self.performer.step(plan, run.course, step, run.phase)
        self.running = asyncio.create_task(work)
        show(run)

    def _hold(self, step: Step) -> Step:
        return Ask(
            name=f"hold-before-{step.name}",
            summary="paused: holds the routes until somebody resumes",
            gate=HookType.CONFIRM_TRAFFIC_INCREASE,
            watch=self.run.judging,
            routes=self.run.course.routes,
        )

    async def _next_event(self) -> Event:
        task = self.running
        if task is None:
            raise AssertionError("nothing runs")
        await workflow.wait_condition(lambda: task.done() or bool(self.orders))
        if self.orders:
            return await self._hear(self.orders.popleft())
        self.running = None
        try:
            observation = task.result()
        except ActivityError as error:
            return Failed(*why(error))
        if observation is not None:
            self.run.evidence = observation.evidence
        return Done(observation)

    async def _hear(self, order: Ordered | Submit) -> Event:
        if isinstance(order, Ordered):
            return order
        look = await self.performer.look()
        return Looked(look.revision, look.promoted_revision, order.action)

    def _take(self, event: Event, move: Move) -> None:
        run, at = self.run, workflow.now().timestamp()
        if move.course.position != run.course.position:
            run.timeline = run.timeline.ended(run.course.position, at)
        run.course = move.course
        if isinstance(event, Ordered):
            run.note(at, event.by or "somebody", event.verb, event.text)
        elif isinstance(event, Looked):
            run.note(at, "trigger", "submit", f"the target holds {event.revision}")
        if move.kind is Kind.RESTORE:
            run.note(at, "serinus", "restore", move.message, move.reason)
        if isinstance(event, Ordered | Looked):
            self.handled += 1
            workflow.set_current_details(current_details(run.status()))


def why(error: ActivityError) -> tuple[Reason, str]:
    """The reason and the words of the activity itself; the outer error says neither."""
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return reason_of(cause), bounded(cause.message)
    return Reason.INTERNAL, bounded(str(cause or error))


def show(run: RunRecord) -> None:
    """Tell the stock UI and the visibility store where the run is.

    A step that is over in a moment is not worth a write: to the server each is as dear as a step.
    """
    status = run.status()
    workflow.set_current_details(current_details(status))
    if run.outcome is None and isinstance(run.step, FLEETING):
        return
    workflow.upsert_search_attributes(
        [
            search_attributes.PHASE.value_set(status.phase),
            search_attributes.STEP.value_set(status.position),
            search_attributes.WEIGHT.value_set(status.routes.canary),
            search_attributes.AWAITING_APPROVAL.value_set(status.waiting is not None),
            search_attributes.REVISION.value_set(status.revision),
            search_attributes.APP.value_set(status.slot.name),
            search_attributes.NAMESPACE.value_set(status.slot.namespace),
        ]
    )
