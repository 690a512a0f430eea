"""The `Rollout` workflow: it reads like a runbook, and `workflows.decide` decides."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from workflows import decide
    from workflows.errors import Reason
    from workflows.fences import Fences
    from workflows.interpreter import Interpreter, show
    from workflows.model.decisions import Decision, Order, SkipUndo, Submit
    from workflows.model.input import RolloutInput, RolloutResult
    from workflows.model.plan import ALL_PRIMARY, Call, Plan, PlanKind
    from workflows.model.requests import Action, CloseRun, Outcome
    from workflows.model.status import RolloutStatus, Verb
    from workflows.perform import Performer
    from workflows.restore import Restorer, uninterrupted
    from workflows.run_record import RunRecord

_FINISHED = {
    PlanKind.RELEASE: Outcome.PROMOTED,
    PlanKind.INITIALISE: Outcome.INITIALISED,
    PlanKind.REVERT: Outcome.REVERTED,
    PlanKind.UNCHANGED: Outcome.UNCHANGED,
    PlanKind.SUSPENDED: Outcome.SUSPENDED,
}
_RESTORED = {Reason.SUPERSEDED: Outcome.SUPERSEDED, Reason.REVERTED: Outcome.WITHDRAWN}


@workflow.defn(name="Rollout")
class Rollout:
    """One revision of one target on its way to its users, or back."""

    @workflow.init
    def __init__(self, start: RolloutInput) -> None:
        self._start = start
        self._fence = Fences()
        self._accepted = 0
        self._wanted = Action.RELEASE
        self._late = False
        self._run = RunRecord(start.slot, workflow.info().run_id, workflow.now().timestamp())
        self._performer = Performer(start.slot, self._fence)
        self._interpreter = Interpreter(self._run, self._performer, self._renew)
        self._restorer = Restorer(start.slot, self._fence, self._run.skipped)

    @workflow.run
    async def run(self, start: RolloutInput) -> RolloutResult:
        """Prepare, follow the plan, restore if it must be, keep the outcome."""
        try:
            plan = await self._prepare(start)
            taken_back = await self._interpreter.follow(plan)
        except asyncio.CancelledError:
            reason = workflow.cancellation_reason() or "the workflow was cancelled"
            await self._restore(Reason.CANCELLED, reason)
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        if taken_back is None:
            await uninterrupted(self._close(_FINISHED[plan.kind]))
        else:
            await self._restore(taken_back.reason or Reason.INTERNAL, taken_back.message)
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._begin_again_if_triggered()
        return self._result()

    async def _prepare(self, start: RolloutInput) -> Plan:
        self._run.note(self._now(), start.by or "trigger", "start", start.reason)
        if start.carried is not None:
            self._run.resume(start.carried)
            return start.carried.plan
        self._run.preparing = True
        try:
            prepared = await self._performer.prepare(start.action, previous=start.previous)
        except ActivityError:
            self._run.restoring = True
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        self._run.plan = prepared.plan
        return prepared.plan

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
        show(run)
        await self._restorer.restore(plan, undo)
        if plan.post_hooks and not promoted:
            call = Call(name="post-rollout", summary="post-rollout hooks", hooks=plan.post_hooks)
            await self._performer.step(plan, run.course, call, "Failed")
        outcome = _RESTORED.get(reason, Outcome.ROLLED_BACK)
        await self._close(Outcome.PROMOTED if promoted else outcome)

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

    def _begin_again_if_triggered(self) -> None:
        """A newer revision, a queued one or a late trigger is rolled out from zero."""
        run = self._run
        late = any(isinstance(order, Submit) for order in self._interpreter.orders)
        if not (late or self._late or run.course.queued or run.reason is Reason.SUPERSEDED):
            return
        fresh = {"carried": None, "previous": False, "action": self._wanted}
        workflow.continue_as_new(self._start.model_copy(update=fresh))

    def _renew(self, plan: Plan) -> None:
        if not workflow.info().is_continue_as_new_suggested():
            return
        if workflow.all_handlers_finished():
            carried = self._run.carried(plan)
            workflow.continue_as_new(self._start.model_copy(update={"carried": carried}))

    def _result(self) -> RolloutResult:
        run = self._run
        return RolloutResult(
            outcome=run.outcome or Outcome.UNCHANGED,
            revision=run.plan.revision if run.plan else "",
            reason=run.reason or "",
            message=run.message,
        )

    def _now(self) -> float:
        return workflow.now().timestamp()

    @workflow.query(description="Everything about this rollout, as JSON.")
    def status(self) -> RolloutStatus:
        """The one read model."""
        return self._run.status()

    @workflow.update(
        description='Open the waiting gate. Data optional: {"by": "ana", "comment": "", "step": ""}'
    )
    async def approve(self, decision: Decision = Decision()) -> RolloutStatus:
        """Open the gate that waits."""
        return await self._answer(Verb.APPROVE, decision)

    @approve.validator
    def _check_approve(self, decision: Decision = Decision()) -> None:
        self._must_wait(Verb.APPROVE, decision.step)

    @workflow.update(
        description='Refuse the gate, roll back. Data optional: {"by": "ana", "comment": "why"}'
    )
    async def reject(self, decision: Decision = Decision()) -> RolloutStatus:
        """Refuse the gate that waits: the rollout is taken back."""
        return await self._answer(Verb.REJECT, decision)

    @reject.validator
    def _check_reject(self, decision: Decision = Decision()) -> None:
        self._must_wait(Verb.REJECT, decision.step)

    @workflow.update(
        description='Stop advancing, keep watching. Data optional: {"by": "ana", "reason": "why"}'
    )
    async def pause(self, order: Order = Order()) -> RolloutStatus:
        """Hold before the next step; a breach still takes the rollout back."""
        return await self._order(Verb.PAUSE, order)

    @pause.validator
    def _check_pause(self, order: Order = Order()) -> None:
        self._must_be_allowed(Verb.PAUSE)

    @workflow.update(
        description='Go on after a pause. Data optional: {"by": "ana", "reason": "why"}'
    )
    async def resume(self, order: Order = Order()) -> RolloutStatus:
        """Go on after a pause."""
        return await self._order(Verb.RESUME, order)

    @resume.validator
    def _check_resume(self, order: Order = Order()) -> None:
        self._must_be_allowed(Verb.RESUME)

    @workflow.update(
        description='Skip gates and analysis. Data optional: {"by": "ana", "reason": "why"}'
    )
    async def promote(self, order: Order = Order()) -> RolloutStatus:
        """Skip remaining gates and analysis."""
        return await self._order(Verb.PROMOTE, order)

    @promote.validator
    def _check_promote(self, order: Order = Order()) -> None:
        self._must_be_allowed(Verb.PROMOTE)

    @workflow.update(
        description='Take the rollout back now. Data optional: {"by": "ana", "reason": "p99"}'
    )
    async def abort(self, order: Order = Order()) -> RolloutStatus:
        """Take the rollout back."""
        return await self._order(Verb.ABORT, order)

    @abort.validator
    def _check_abort(self, order: Order = Order()) -> None:
        self._must_be_allowed(Verb.ABORT)

    @workflow.update(description='Give up a failing undo hook. Data: {"by": "ana", "undo": "name"}')
    def skip(self, order: SkipUndo = SkipUndo()) -> RolloutStatus:
        """Give up one undo hook of a restore, by name."""
        self._run.skipped.add(order.undo)
        self._run.note(self._now(), order.by or "somebody", Verb.SKIP, order.undo)
        return self._run.status()

    @skip.validator
    def _check_skip(self, order: SkipUndo = SkipUndo()) -> None:
        self._must_be_allowed(Verb.SKIP)
        if order.undo not in self._run.owed:
            names = ", ".join(self._run.owed)
            raise _refusal(Reason.INVALID_REQUEST, f"no undo hook {order.undo!r} is owed: {names}")

    @workflow.update(
        description='A trigger: look at the target. Data optional: {"by": "ci", "revision": ""}'
    )
    async def submit(self, order: Submit = Submit()) -> RolloutStatus:
        """Look at the target; a newer revision is treated as the policy says."""
        self._wanted = order.action
        if self._run.preparing and self._run.outcome is None:
            if self._run.restoring:
                self._late = True
            else:
                self._interpreter.orders.append(order)
                await self._until_handled()
        elif self._run.outcome is not None:
            self._late = True
        return self._run.status()

    @submit.validator
    def _check_submit(self, order: Submit = Submit()) -> None:
        refusal = decide.refused(self._run.plan, order.revision, self._run.course)
        if refusal is not None:
            raise _refusal(Reason.REVISION_REFUSED, refusal)

    async def _answer(self, verb: Verb, decision: Decision) -> RolloutStatus:
        step = self._run.step
        name = step.name if step else ""
        ordered = decide.Ordered(verb, decision.by, decision.comment, name)
        self._interpreter.orders.append(ordered)
        return await self._until_handled()

    async def _order(self, verb: Verb, order: Order) -> RolloutStatus:
        self._interpreter.orders.append(decide.Ordered(verb, order.by, order.reason))
        return await self._until_handled()

    async def _until_handled(self) -> RolloutStatus:
        self._accepted += 1
        ticket = self._accepted
        run = self._run
        await workflow.wait_condition(
            lambda: self._interpreter.handled >= ticket or run.restoring or run.outcome is not None
        )
        return run.status()

    def _must_wait(self, verb: Verb, step: str) -> None:
        now = self._run.step.name if self._run.step else self._run.phase
        if verb not in self._run.allowed:
            raise _refusal(Reason.STALE_DECISION, f"no gate is waiting; now: {now}")
        if step and step != now:
            raise _refusal(Reason.STALE_DECISION, f"{step!r} is not waiting; now: {now}")

    def _must_be_allowed(self, verb: Verb) -> None:
        run = self._run
        if verb not in run.allowed:
            may = ", ".join(run.allowed)
            raise _refusal(
                Reason.NOT_ALLOWED_NOW, f"cannot {verb} in phase {run.phase}; possible now: {may}"
            )


def _refusal(reason: Reason, message: str) -> ApplicationError:
    return ApplicationError(message, type=reason, non_retryable=True)
