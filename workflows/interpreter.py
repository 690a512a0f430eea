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
from workflows.approvals.approving import Deadline, Refusal
from workflows.decide import Done, Due, Event, Failed, Kind, Looked, Move, Ordered, next_move
from workflows.details import current_details
from workflows.errors import Reason, bounded, reason_of
from workflows.model.decisions import Submit
from workflows.model.observation import Observation
from workflows.model.plan import Call, Finish, Plan, Promote, Shift
from workflows.observing import hold_before
from workflows.perform import Performer
from workflows.positions import with_gate
from workflows.run_record import RunRecord

FLEETING = (Call, Finish, Shift)
_WHAT_TIME_DOES = {
    Deadline.ESCALATION: "nobody has opened the gate: others are asked too",
    Deadline.EXPIRY: "nobody has opened the gate in time",
    Deadline.OPENING: "the time has come that was approved",
}


@dataclass
class Interpreter:
    """`renew` is called between steps, so that a long history can continue as new.

    `refusals` are of orders that were heard and changed nothing, by their number.
    """

    run: RunRecord
    performer: Performer
    renew: Callable[[Plan], None]
    orders: deque[Ordered | Submit] = field(default_factory=deque[Ordered | Submit])
    handled: int = 0
    refusals: dict[int, Refusal] = field(default_factory=dict[int, Refusal])
    running: asyncio.Task[Observation | None] | None = None

    async def follow(self, plan: Plan) -> Move | None:
        """Until the end of the plan (`None`) or the move that says restore."""
        while self.running is not None or self.run.step is not None:
            if self.running is None:
                self._begin(plan)
            event = await self._next_event()
            used, move = event, next_move(plan, self.run.course, event)
            if move.kind is not Kind.KEEP and await self.stop():
                used, move = Done(), next_move(plan, self.run.course, Done())
            self.run.keep(plan, workflow.now().timestamp(), (used, event), move)
            plan = self._with_gate(plan, move)
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
            step = hold_before(plan, run.course, step)
        else:
            run.timeline = run.timeline.began(run.course.position, workflow.now().timestamp())
        work = self.performer.step(plan, run.course, step, run.phase)
        self.running = asyncio.create_task(work)
        show(run)

    async def _next_event(self) -> Event:
        task = self.running
        if task is None:
            raise AssertionError("nothing runs")
        due = await self._until(lambda: task.done() or bool(self.orders))
        if due is not None:
            return due
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

    async def _until(self, something: Callable[[], bool]) -> Due | None:
        """Wait for it, or for the next deadline of the gate that waits; only this has a timer."""
        if self.run.deadline is None:
            await workflow.wait_condition(something)
            return None
        at, deadline = self.run.deadline
        left = at - workflow.now().timestamp()
        if left <= 0:
            return None if something() else Due(deadline, at)
        try:
            await workflow.wait_condition(
                something, timeout=left, timeout_summary=f"{deadline} of the gate"
            )
        except TimeoutError:
            return Due(deadline, at)
        return None

    async def _hear(self, order: Ordered | Submit) -> Event:
        if isinstance(order, Ordered):
            return order
        look = await self.performer.look()
        return Looked(look.revision, look.promoted_revision, order.action, order.by)

    def _with_gate(self, plan: Plan, move: Move) -> Plan:
        if move.again is not None:
            plan = self.run.plan = with_gate(plan, move.course.position, move.again)
        return plan

    def _take(self, event: Event, move: Move) -> None:
        run, at = self.run, workflow.now().timestamp()
        if move.course.position != run.course.position:
            run.timeline = run.timeline.ended(run.course.position, at)
        run.course = move.course
        self._note(event, move, at)
        if move.kind is Kind.RESTORE:
            run.note(at, "serinus", "restore", move.message, move.reason)
        if isinstance(event, Ordered | Looked):
            self.handled += 1
        if move.refusal is not None:
            self.refusals[self.handled] = move.refusal
        if isinstance(event, Ordered | Looked | Due):
            workflow.set_current_details(current_details(run.status()))

    def _note(self, event: Event, move: Move, at: float) -> None:
        match event:
            case Ordered() if move.refusal is None:
                self.run.note_order(at, event.speaker, event.verb, event.text)
            case Looked():
                found = f"the target holds {event.revision}"
                self.run.note(at, event.by or "trigger", "submit", found)
            case Due():
                self.run.note(at, "serinus", event.deadline, _WHAT_TIME_DOES[event.deadline])
            case _:
                return


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
            search_attributes.STRATEGY.value_set(status.strategy),
            search_attributes.STEP.value_set(status.position),
            search_attributes.WEIGHT.value_set(status.routes.canary),
            search_attributes.AWAITING_APPROVAL.value_set(status.waiting is not None),
            search_attributes.REVISION.value_set(status.revision),
            search_attributes.APP.value_set(status.slot.name),
            search_attributes.NAMESPACE.value_set(status.slot.namespace),
        ]
    )
