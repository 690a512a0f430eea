"""Deciding about rollouts: the verbs of the command line, said in the caller's name.

With `If-Match`, an order counts only for the rollout as the caller saw it: it is held against the
step token here, goes to that run only, and names the step whose gate it answers.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from worker import rollouts
from worker.gateway import speaking
from worker.gateway.api import faults
from worker.gateway.api.answers import Answer, of_status
from worker.gateway.api.faults import Problem
from worker.gateway.api.operations import Call
from worker.gateway.api.shapes import Nothing, Started, Submission, Why
from worker.gateway.api.step_tokens import matches, step_token
from workflows.errors import Reason
from workflows.model.decisions import Decision, Order, SkipUndo
from workflows.model.identity import Slot
from workflows.model.status import RolloutStatus, StepState, Verb

Said = Decision | Order | SkipUndo
B = TypeVar("B", bound=BaseModel)
Handler = Callable[[Call[Slot, Nothing, B]], Awaitable[Answer]]


def order(verb: Verb, read: Callable[[B], Said]) -> Handler[B]:
    """What does a verb: the same for all but what is said."""

    async def give(call: Call[Slot, Nothing, B]) -> Answer:
        said = _said(read, call.body)
        seen = await unmoved(call.if_match, call)
        run_id = None if seen is None else seen.run_id
        if seen is not None and isinstance(said, Decision) and not said.step:
            said = said.model_copy(update={"step": seen.waiting.step if seen.waiting else ""})
        try:
            return of_status(await _tell(call, verb, said, run_id))
        except Problem as problem:
            if problem.status not in (404, 409):
                raise
            raise await _refusal(problem, call, seen) from problem

    return give


async def submit(call: Call[Slot, Nothing, Submission]) -> Answer:
    """Look at the target and release what changed; goes on without the caller."""
    await unmoved(call.if_match, call)
    said = call.body.said()
    status = await speaking.submit(call.context, call.person, call.place, said, call.key)
    return of_status(status, {"location": call.request.url.path.removesuffix("/submit")})


async def undo(call: Call[Slot, Nothing, Why]) -> Answer:
    """Release the revision promoted before the present one."""
    await unmoved(call.if_match, call)
    run_id = await rollouts.release_previous(
        call.context.client, call.place, call.person.name, call.body.reason
    )
    place = call.request.url.path.removesuffix("/undo")
    return Answer(Started(run_id=run_id), {"location": place})


async def unmoved(wanted: str | None, call: Call[Slot, Nothing, B]) -> RolloutStatus | None:
    """The rollout that the caller saw; 412 if it has moved on, None if the caller does not say."""
    if wanted is None:
        return None
    status = await rollouts.status(call.context.client, call.place)
    if not matches(wanted, step_token(status)):
        raise faults.moved_on(step_token(status), _now(status))
    return status


async def _tell(
    call: Call[Slot, Nothing, B], verb: Verb, said: Said, run_id: str | None
) -> RolloutStatus:
    return await speaking.tell(
        call.context, call.person, call.place, verb, said, update_id=call.key, run_id=run_id
    )


async def _refusal(
    problem: Problem, call: Call[Slot, Nothing, B], seen: RolloutStatus | None
) -> Problem:
    """412 if the rollout moved on while the order was on its way; 409 if it is over."""
    now = await rollouts.status(call.context.client, call.place)
    stale = problem.extra.get("reason") == Reason.STALE_DECISION
    if seen is not None and (stale or step_token(now) != step_token(seen)):
        return faults.moved_on(step_token(now), _now(now))
    if problem.status == 404:
        return faults.conflict(problem.detail, reason=Reason.NOT_ALLOWED_NOW)
    return problem


def _said(read: Callable[[B], Said], body: B) -> Said:
    try:
        return read(body)
    except ValidationError as error:
        raise faults.bad_fields(faults.faults_in(error)) from error


def _now(status: RolloutStatus) -> str:
    """Where a rollout is, in the words of a refusal."""
    steps = (step.name for step in status.steps if step.state is StepState.NOW)
    where = f"step {next(steps, '')}" if status.outcome is None else str(status.outcome)
    return f"revision {status.revision or '?'}, {status.phase}, {where}".removesuffix(", step ")
