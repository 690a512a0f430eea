"""Speaking to a rollout in the name of a person whom the gateway knows.

The API, the page and the receivers of chats use exactly this: it checks the role, says who it is
from, seals that, and turns a refusal into an answer.
"""

from worker import rollouts
from worker.gateway import problems
from worker.gateway.context import GatewayContext
from worker.gateway.identity import ANONYMOUS, NEEDED, Person
from worker.gateway.problems import Problem
from workflows.approvals import sealing
from workflows.errors import Reason, SerinusError
from workflows.model.decisions import Decision, Order, SkipUndo, Submit
from workflows.model.identity import Slot
from workflows.model.status import RolloutStatus, Verb

Said = Decision | Order | SkipUndo
_NOT_ALLOWED = frozenset(
    {
        Reason.NOT_ALLOWED_TO_APPROVE,
        Reason.AUTHOR_MAY_NOT_APPROVE,
        Reason.IDENTITY_NOT_PROVEN,
    }
)


async def tell(  # noqa: PLR0913  the contract of the gateway's parts
    context: GatewayContext,
    person: Person,
    slot: Slot,
    verb: Verb,
    order: Said,
    *,
    update_id: str | None = None,
    run_id: str | None = None,
) -> RolloutStatus:
    """Give an order to the rollout that runs in a slot; its answer is the new status.

    The same `update_id` counts once; with `run_id`, no other run than that is told.
    `Problem` 404 for what is not there or not to be seen, 403 for what the role or the rollout does
    not allow, 409 for what makes no sense now, 503 if nobody answers.
    """
    allow(person, verb, slot)
    try:
        sealed = await _sealed(context, person, slot, verb, order, run_id)
        return await rollouts.tell(
            context.client, slot, verb, sealed, update_id=update_id, run_id=run_id
        )
    except SerinusError as error:
        raise problem_of(error) from error


async def submit(
    context: GatewayContext, person: Person, slot: Slot, order: Submit, trigger: str
) -> RolloutStatus:
    """Start a rollout of a slot, or tell the running one; the same trigger counts once."""
    allow(person, Verb.SUBMIT, slot)
    try:
        said = order.model_copy(update={"by": person.name})
        return await rollouts.submit(context.client, slot, said, trigger)
    except SerinusError as error:
        raise problem_of(error) from error


def allow(person: Person, verb: Verb, slot: Slot) -> None:
    """`Problem` 404 if this person may not know of the target, 403 if not give this order."""
    if not person.may_see(slot):
        raise problems.not_found(f"there is no target {slot.key}")
    if not person.may(verb, slot):
        role = NEEDED[verb].name.lower()
        raise problems.forbidden(f"{verb} needs the role {role} for {slot.key}")


def problem_of(error: SerinusError) -> Problem:
    """The answer to what `worker.rollouts` raised."""
    match error:
        case Problem():
            return error
        case rollouts.RolloutRefused() if error.reason in _NOT_ALLOWED:
            return problems.forbidden(str(error), reason=error.reason)
        case rollouts.RolloutRefused():
            return problems.conflict(str(error), reason=error.reason)
        case rollouts.NoRollout():
            return problems.not_found(str(error))
        case rollouts.NoAnswer():
            return problems.unavailable(str(error))
        case _:
            raise error


async def _sealed(  # noqa: PLR0913, PLR0917  as `tell`
    context: GatewayContext,
    person: Person,
    slot: Slot,
    verb: Verb,
    order: Said,
    run_id: str | None,
) -> Said:
    """The order in the person's name. A seal is for one run; if none is meant, it is asked for."""
    named = order.model_copy(update={"by": person.name, "groups": person.groups, "seal": None})
    if person.name == ANONYMOUS:
        return named  # a seal would say that it is known who this is
    run_id = run_id or (await rollouts.status(context.client, slot)).run_id
    words = sealing.spoken(slot.workflow_id, run_id, verb, named)
    seal = sealing.seal(context.seal_key, words, person.via, context.now())
    return named.model_copy(update={"seal": seal})
