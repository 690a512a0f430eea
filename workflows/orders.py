"""What people and systems say to a rollout: its updates, and what each of them refuses.

The base of `workflows.rollout.Rollout`, where Temporal looks for handlers. A validator refuses at
the door, which leaves no trace in the history; a handler hands the order to the interpreter and
answers with the status after it.
"""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from workflows import decide
from workflows.approvals.sealing import VouchRequest, spoken
from workflows.errors import Reason
from workflows.interpreter import Interpreter, why
from workflows.model.approval import Author, Via
from workflows.model.decisions import Decision, Order, SkipUndo, Submit
from workflows.model.input import RolloutInput
from workflows.model.requests import Action
from workflows.model.status import RolloutStatus, Verb
from workflows.perform import Performer
from workflows.run_record import RunRecord

Said = Decision | Order | SkipUndo


class Orders:
    """The updates of a rollout; `_begin_orders` is called before the first of them."""

    _run: RunRecord
    _interpreter: Interpreter
    _performer: Performer

    def _begin_orders(self) -> None:
        self._accepted = 0
        self._seals: set[str] = set()
        self._wanted = Action.RELEASE
        self._late = False

    @workflow.update(
        description='Open the waiting gate. Data optional: {"by": "ana", "comment": "", "step": ""}'
    )
    async def approve(self, decision: Decision = Decision()) -> RolloutStatus:
        """Open the gate that waits."""
        return await self._answer(Verb.APPROVE, decision)

    @approve.validator
    def _check_approve(self, decision: Decision = Decision()) -> None:
        self._must_wait(Verb.APPROVE, decision)

    @workflow.update(
        description='Refuse the gate, roll back. Data optional: {"by": "ana", "comment": "why"}'
    )
    async def reject(self, decision: Decision = Decision()) -> RolloutStatus:
        """Refuse the gate that waits: the rollout is taken back."""
        return await self._answer(Verb.REJECT, decision)

    @reject.validator
    def _check_reject(self, decision: Decision = Decision()) -> None:
        self._must_wait(Verb.REJECT, decision)

    @workflow.update(
        description='Stop advancing, keep watching. Data optional: {"by": "ana", "reason": "why"}'
    )
    async def pause(self, order: Order = Order()) -> RolloutStatus:
        """Hold before the next step; a breach still takes the rollout back."""
        return await self._order(Verb.PAUSE, order)

    @pause.validator
    def _check_pause(self, order: Order = Order()) -> None:
        self._must_be_allowed(Verb.PAUSE, order)

    @workflow.update(
        description='Go on after a pause. Data optional: {"by": "ana", "reason": "why"}'
    )
    async def resume(self, order: Order = Order()) -> RolloutStatus:
        """Go on after a pause."""
        return await self._order(Verb.RESUME, order)

    @resume.validator
    def _check_resume(self, order: Order = Order()) -> None:
        self._must_be_allowed(Verb.RESUME, order)

    @workflow.update(
        description='Skip gates and analysis. Data optional: {"by": "ana", "reason": "why"}'
    )
    async def promote(self, order: Order = Order()) -> RolloutStatus:
        """Skip remaining gates and analysis."""
        return await self._order(Verb.PROMOTE, order)

    @promote.validator
    def _check_promote(self, order: Order = Order()) -> None:
        self._must_be_allowed(Verb.PROMOTE, order)

    @workflow.update(
        description='Take the rollout back now. Data optional: {"by": "ana", "reason": "p99"}'
    )
    async def abort(self, order: Order = Order()) -> RolloutStatus:
        """Take the rollout back."""
        return await self._order(Verb.ABORT, order)

    @abort.validator
    def _check_abort(self, order: Order = Order()) -> None:
        self._must_be_allowed(Verb.ABORT, order)

    @workflow.update(description='Give up a failing undo hook. Data: {"by": "ana", "undo": "name"}')
    async def skip(self, order: SkipUndo = SkipUndo()) -> RolloutStatus:
        """Give up one undo hook of a restore, by name."""
        await self._vouch(Verb.SKIP, order)
        self._run.skipped.add(order.undo)
        said = _ordered(Verb.SKIP, Order(by=order.by, seal=order.seal))
        self._run.note_order(said.at, said.speaker, Verb.SKIP, order.undo)
        return self._run.status()

    @skip.validator
    def _check_skip(self, order: SkipUndo = SkipUndo()) -> None:
        self._must_be_allowed(Verb.SKIP, order)
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
                self._come_late(order)
            else:
                await self._hand_in(order)
        elif self._run.outcome is not None:
            self._come_late(order)
        return self._run.status()

    @submit.validator
    def _check_submit(self, order: Submit = Submit()) -> None:
        refusal = decide.refused(self._run.plan, order.revision, self._run.course)
        if refusal is not None:
            raise _refusal(Reason.REVISION_REFUSED, refusal)

    def _come_late(self, order: Submit) -> None:
        """Looked at by the next run: nobody knows yet which revision this trigger is about."""
        self._late = True
        if order.by:
            course = self._run.course
            authors = (*course.authors, Author(name=order.by))
            self._run.course = course.model_copy(update={"authors": authors})

    async def _answer(self, verb: Verb, decision: Decision) -> RolloutStatus:
        """For the gate that waits now; another one may wait when the seal has been checked."""
        step = self._run.step
        name = step.name if step else ""
        await self._vouch(verb, decision)
        return await self._hand_in(_ordered(verb, decision, name))

    async def _order(self, verb: Verb, order: Order) -> RolloutStatus:
        await self._vouch(verb, order)
        return await self._hand_in(_ordered(verb, order))

    async def _vouch(self, verb: Verb, said: Said) -> None:
        """Without a seal it is only claimed who speaks; a bad seal refuses the order."""
        if said.seal is None:
            return
        if said.seal.mac in self._seals:
            raise _refusal(Reason.SEAL_INVALID, f"this very {verb} has been given already")
        self._seals.add(said.seal.mac)
        words = spoken(self._run.slot.workflow_id, self._run.run_id, verb, said)
        try:
            await self._performer.vouch(VouchRequest(words=words, seal=said.seal))
        except ActivityError as error:
            raise _refusal(*why(error)) from error

    async def _hand_in(self, order: decide.Ordered | Submit) -> RolloutStatus:
        """Wait until the interpreter has heard it."""
        self._interpreter.orders.append(order)
        self._accepted += 1
        ticket = self._accepted
        run, heard = self._run, self._interpreter
        await workflow.wait_condition(
            lambda: heard.handled >= ticket or run.restoring or run.outcome is not None
        )
        refusal = heard.refusals.pop(ticket, None)
        if refusal is not None:
            raise _refusal(refusal.reason, refusal.message)
        return run.status()

    def _must_wait(self, verb: Verb, decision: Decision) -> None:
        now = self._run.step.name if self._run.step else self._run.phase
        if verb not in self._run.allowed:
            raise _refusal(Reason.STALE_DECISION, f"no gate is waiting; now: {now}")
        if decision.step and decision.step != now:
            raise _refusal(Reason.STALE_DECISION, f"{decision.step!r} is not waiting; now: {now}")
        self._must_count(verb, decision, now)

    def _must_be_allowed(self, verb: Verb, order: Order | SkipUndo) -> None:
        run = self._run
        if verb not in run.allowed:
            may = ", ".join(run.allowed)
            raise _refusal(
                Reason.NOT_ALLOWED_NOW, f"cannot {verb} in phase {run.phase}; possible now: {may}"
            )
        if isinstance(order, Order):
            self._must_count(verb, order)

    def _must_count(self, verb: Verb, said: Decision | Order, step: str = "") -> None:
        """Refused at the door is what would be refused even if its seal is good."""
        plan = self._run.plan
        if plan is None:
            return
        refusal = decide.next_move(plan, self._run.course, _ordered(verb, said, step)).refusal
        if refusal is not None:
            raise _refusal(refusal.reason, refusal.message)


def _ordered(verb: Verb, said: Decision | Order, step: str = "") -> decide.Ordered:
    """What was said, now; a seal that is there counts as good."""
    answer = said if isinstance(said, Decision) else Decision(comment=said.reason)
    return decide.Ordered(
        verb,
        by=said.by,
        text=answer.comment,
        step=step,
        groups=said.groups,
        via=said.seal.via if said.seal else Via.TEMPORAL,
        proven=said.seal is not None,
        max_weight=answer.max_weight,
        not_before=answer.not_before,
        at=workflow.now().timestamp(),
    )


def refuse_foreign_state(start: RolloutInput) -> None:
    """What a run carries is only its own: nobody starts one in the middle of a plan they wrote."""
    if start.carried is not None and workflow.info().continued_run_id is None:
        raise _refusal(Reason.INVALID_REQUEST, "carried: is for a run that goes on from another")


def _refusal(reason: Reason, message: str) -> ApplicationError:
    return ApplicationError(message, type=reason, non_retryable=True)
