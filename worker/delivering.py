"""Carries out what triggers want of rollouts, on any platform; registered by every worker.

It stands here and not among the activities because it speaks to rollouts as the command line
does. Events are hints: the target is looked at first, and only what no run has looked at yet is
released; an order is held against the rollout that runs now, not the one that the event meant.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha256

from temporalio import activity
from temporalio.client import Client

from worker import rollouts
from worker.rollouts import NoAnswer, NoRollout, RolloutRefused
from workflows.contracts import Delivering
from workflows.errors import Reason, failure
from workflows.model.decisions import Order, Submit
from workflows.model.delivery import Delivered, DeliveryInput
from workflows.model.requests import LookRequest, TargetLook
from workflows.model.status import RolloutStatus, Verb
from workflows.model.trigger import TriggerAction

Look = Callable[[LookRequest], Awaitable[TargetLook]]
SKEW = 2.0
"""Seconds by which a sender's clock may differ; Flux writes whole seconds."""
NOTHING_RUNS = "nothing is running"
FINAL = frozenset({Reason.REVISION_REFUSED, Reason.NOT_ALLOWED_NOW, Reason.STALE_DECISION})
VERBS = {
    TriggerAction.HOLD: Verb.PAUSE,
    TriggerAction.RESUME: Verb.RESUME,
    TriggerAction.ABORT: Verb.ABORT,
}


class Deliveries(Delivering):
    """For the slots of one cluster; `look` is its platform's."""

    def __init__(self, client: Client, look: Look) -> None:
        self._client = client
        self._look = look

    @activity.defn(name="deliveries.carry_out")
    async def carry_out(self, request: DeliveryInput) -> Delivered:
        """Look, then tell the rollout; an order that makes no sense any more is an answer."""
        try:
            if request.action is TriggerAction.SUBMIT:
                return await self._submit(request)
            return await self._order(request, VERBS[request.action])
        except NoRollout:
            return _not_told(NOTHING_RUNS)
        except RolloutRefused as error:
            if error.reason in FINAL:
                return _not_told(str(error))
            # A run that ended in between; the next look says what there is to do.
            raise failure(Reason.NOT_ALLOWED_NOW, str(error), retryable=True) from error
        except NoAnswer as error:
            raise failure(Reason.INTERNAL, str(error), retryable=True) from error

    async def _submit(self, request: DeliveryInput) -> Delivered:
        seen = await self._look(LookRequest(slot=request.slot))
        if seen.revision is None:
            return _not_told("there is no target to release")
        if not seen.is_news:
            return _not_told(f"the target holds {seen.revision}, which was looked at already")
        order = Submit(by=request.by, revision=seen.revision, reason=request.reason)
        await rollouts.submit(self._client, request.slot, order, _sight(seen))
        return Delivered(told=True, words=f"the target holds {seen.revision}, which is new")

    async def _order(self, request: DeliveryInput, verb: Verb) -> Delivered:
        if not await rollouts.is_running(self._client, request.slot):
            return _not_told(NOTHING_RUNS)
        status = await rollouts.status(self._client, request.slot)
        if (why := overtaken(request, verb, status)) is not None:
            return _not_told(why)
        order = Order(by=request.by, reason=request.reason)
        await rollouts.tell(self._client, request.slot, verb, order, update_id=request.id)
        return Delivered(told=True, words=f"{verb} of {status.revision}")


def overtaken(request: DeliveryInput, verb: Verb, status: RolloutStatus) -> str | None:
    """Why an event comes too late for the rollout that runs, if it does."""
    if status.outcome is not None:
        return NOTHING_RUNS
    if status.started_at > request.at + SKEW:
        return f"the rollout of {status.revision} began after this event"
    held = max((each.at for each in status.entries if each.action == Verb.PAUSE), default=0.0)
    if verb is Verb.RESUME and held > request.at + SKEW:
        return "the rollout was paused after this event"
    return None


def _not_told(words: str) -> Delivered:
    return Delivered(told=False, words=words)


def _sight(seen: TargetLook) -> str:
    """The same for the same sight of a target, so that a run is told of it once."""
    parts = (seen.revision, seen.promoted_revision, seen.looked_revision)
    return f"sight-{sha256(repr(parts).encode()).hexdigest()[:16]}"
