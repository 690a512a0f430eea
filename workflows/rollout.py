"""The `Rollout` workflow: it reads like a runbook, and `workflows.decide` decides."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from workflows import decide
    from workflows.approvals.approving import newest_author
    from workflows.errors import Reason
    from workflows.fences import Fences
    from workflows.interpreter import Interpreter, show
    from workflows.model.approval import Author
    from workflows.model.course import Course
    from workflows.model.decisions import Submit
    from workflows.model.input import RolloutInput, RolloutResult
    from workflows.model.plan import ALL_PRIMARY, Call, Plan
    from workflows.model.record import Asked, DecisionRecord, Pages
    from workflows.model.requests import CloseRun, Outcome
    from workflows.model.status import RolloutStatus
    from workflows.orders import Orders, refuse_foreign_state
    from workflows.outcomes import outcome_of
    from workflows.perform import Performer
    from workflows.records.auditing import Auditor
    from workflows.restore import Restorer, uninterrupted
    from workflows.run_record import RunRecord
    from workflows.telling.announcements import Announcements


@workflow.defn(name="Rollout")
class Rollout(Orders):
    """One revision of one target on its way to its users, or back."""

    @workflow.init
    def __init__(self, start: RolloutInput) -> None:
        self._start = start
        self._fence = Fences()
        self._run = RunRecord(start.slot, workflow.info().run_id, workflow.now().timestamp())
        self._performer = Performer(start.slot, self._fence)
        self._interpreter = Interpreter(self._run, self._performer, self._renew)
        self._restorer = Restorer(start.slot, self._fence, self._run.skipped)
        self._announcements = Announcements(start.slot, workflow.info().run_id)
        self._auditor = Auditor(self._run, self._traffic_first)
        self._begin_orders()

    @workflow.run
    async def run(self, start: RolloutInput) -> RolloutResult:
        """Prepare, follow the plan, restore if it must be, keep the outcome."""
        try:
            plan = await self._prepare(start)
            self._announcements.follow(self._run)
            taken_back = await self._interpreter.follow(plan)
        except asyncio.CancelledError:
            reason = workflow.cancellation_reason() or "the workflow was cancelled"
            await self._restore(Reason.CANCELLED, reason)
            await self._settle()
            raise
        if taken_back is None:
            await uninterrupted(self._close(outcome_of(plan, self._run.course, None)))
        else:
            await self._restore(taken_back.reason or Reason.INTERNAL, taken_back.message)
        await self._settle()
        self._begin_again_if_triggered()
        return self._result()

    async def _prepare(self, start: RolloutInput) -> Plan:
        refuse_foreign_state(start)
        self._run.note(self._now(), start.by or "trigger", "start", start.reason)
        self._run.pages = Pages(asked=Asked.model_validate(dict(start)))
        self._auditor.follow()
        if start.carried is not None:
            self._run.resume(start.carried)
            self._announcements.resume(start.carried.announced)
            return start.carried.plan
        self._run.preparing = True
        try:
            prepared = await self._performer.prepare(start.action, previous=start.previous)
        except ActivityError:
            self._run.restoring = True
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        self._run.plan = prepared.plan
        self._run.course = Course(authors=_authors(start, prepared.plan))
        return prepared.plan

    async def _settle(self) -> None:
        """Everybody is answered, and Temporal has what people are told."""
        await self._announcements.settled(self._run)
        await workflow.wait_condition(workflow.all_handlers_finished)

    async def _restore(self, reason: Reason, message: str) -> None:
        """Give traffic back; a cancellation meanwhile waits until it is done."""
        await uninterrupted(self._give_back(reason, message))

    async def _give_back(self, reason: Reason, message: str) -> None:
        run, plan = self._run, self._run.plan
        if plan is None:
            return
        await self._interpreter.stop()
        promoted = decide.promoted(plan, run.course)
        undo = () if promoted else decide.owed(plan, run.timeline.spans)
        run.restoring, run.reason, run.message = True, reason, message
        run.timeline = run.timeline.ended(run.course.position, self._now())
        run.course = run.course.model_copy(update={"routes": ALL_PRIMARY, "paused": False})
        run.restore_began(self._now(), undo)
        show(run)
        await self._restorer.restore(plan, undo)
        run.restore_ended(self._now())
        if plan.post_hooks and not promoted:
            call = Call(name="post-rollout", summary="post-rollout hooks", hooks=plan.post_hooks)
            await self._performer.step(plan, run.course, call, "Failed")
        await self._close(outcome_of(plan, run.course, reason))

    async def _close(self, outcome: Outcome) -> None:
        run = self._run
        run.ended_at = self._now()
        await self._performer.close(
            CloseRun(
                slot=run.slot,
                fence=self._fence(),
                revision=run.plan.revision if run.plan else "",
                outcome=outcome,
                reason=run.reason,
                message=run.message,
                started_at=run.started_at,
                ended_at=run.ended_at,
            )
        )
        run.outcome = outcome
        show(run)
        await self._auditor.finish(outcome)

    def _begin_again_if_triggered(self) -> None:
        """A newer revision, a queued one or a late trigger is rolled out from zero."""
        run = self._run
        late = [order for order in self._interpreter.orders if isinstance(order, Submit)]
        if not (late or self._late or run.course.queued or run.reason is Reason.SUPERSEDED):
            return
        unseen = (Author(name=order.by) for order in late if order.by)
        authors = (*run.course.authors, *unseen)
        fresh: dict[str, object] = {
            "carried": None,
            "previous": False,
            "action": self._wanted,
            "by": newest_author(authors, run.plan.revision if run.plan else ""),
            "authors": authors,
        }
        workflow.continue_as_new(self._start.model_copy(update=fresh))

    def _renew(self, plan: Plan) -> None:
        if not workflow.info().is_continue_as_new_suggested():
            return
        if workflow.all_handlers_finished() and self._announcements.idle:
            announced = {"announced": self._announcements.carried}
            carried = self._run.carried(plan).model_copy(update=announced)
            workflow.continue_as_new(self._start.model_copy(update={"carried": carried}))

    def _result(self) -> RolloutResult:
        run = self._run
        return RolloutResult(
            outcome=run.outcome or Outcome.UNCHANGED,
            revision=run.plan.revision if run.plan else "",
            reason=run.reason or "",
            message=run.message,
        )

    def _traffic_first(self) -> bool:
        return self._run.restoring and not self._restorer.routed

    def _now(self) -> float:
        return workflow.now().timestamp()

    @workflow.query(description="Everything about this rollout, as JSON.")
    def status(self) -> RolloutStatus:
        """The one read model."""
        return self._run.status()

    @workflow.query(description="What this rollout knew when it decided, and what it decided.")
    def record(self) -> DecisionRecord:
        """The decision record."""
        return self._run.record()


def _authors(start: RolloutInput, plan: Plan) -> tuple[Author, ...]:
    """Whoever started the run is an author of what it releases."""
    starter = (Author(name=start.by, revision=plan.revision),) if start.by else ()
    return tuple(dict.fromkeys((*start.authors, *starter)))
