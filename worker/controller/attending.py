"""Attending to one slot: what the facts ask for is done, and told to Temporal and the cluster.

Called by the queue of `worker.controller.running`. Everything here may be done twice.
"""

from typing import Protocol

import structlog
from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from activities.kube.api import Change, KubeApi, Seen
from activities.kube.objects import KubeObject, ref_of, text_at
from activities.reporting.conditions import clock
from activities.reporting.judging import judged
from worker.applying import Trigger
from worker.controller.catalogue import Catalogue
from worker.controller.deciding import Facts, Terms, decide
from worker.controller.sources import target_ref
from worker.controller.suspending import SUSPENDED
from worker.controller.watching import Watches
from worker.rollouts import NoRollout, RolloutRefused
from workflows.errors import Reason, SerinusError, reason_of
from workflows.model.identity import Slot
from workflows.model.status import Verb

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)
_FINAL = frozenset({Reason.OBJECT_REJECTED})


class Rollouts(Protocol):
    """How rollouts are spoken to; `RolloutRefused` is their own answer."""

    async def submit(self, trigger: Trigger) -> None:
        """Start a rollout, or tell the one that runs."""
        ...

    async def order(self, slot: Slot, verb: Verb) -> None:
        """Pause or resume the one that runs; `NoRollout` where none does."""
        ...


class Attendant:
    """Looks at slots; `rollouts` starts or tells a rollout."""

    def __init__(
        self,
        api: KubeApi,
        catalogue: Catalogue,
        watches: Watches,
        rollouts: Rollouts,
        terms: Terms,
    ) -> None:
        self._api = api
        self._catalogue = catalogue
        self._watches = watches
        self._rollouts = rollouts
        self._terms = terms

    async def look(self, slot: Slot) -> bool:
        """Do what the slot needs; False if it has to be tried again."""
        try:
            await self._attend(slot)
        except RolloutRefused as error:
            _log.info("trigger.refused", slot=slot.key, why=str(error))
            # Any other refusal is a run that ended in between: the next one takes the trigger.
            return error.reason == Reason.REVISION_REFUSED
        except ApplicationError as error:
            _log.warning("slot.failed", slot=slot.key, why=error.message)
            return reason_of(error) in _FINAL
        except SerinusError as error:
            _log.warning("slot.failed", slot=slot.key, why=str(error))
            return False
        return True

    async def _attend(self, slot: Slot) -> None:
        if not self._watches.knows_all_of(slot):
            return  # it comes again when the watch that is missing has told all
        facts = await self._facts(slot)
        if facts is None:
            return
        decision = decide(facts, self._terms)
        _log.debug("slot.decided", slot=slot.key, why=decision.why)
        if decision.refusal is not None:
            await self._show_judgement(facts.canary, decision.refusal)
        if decision.finalizers is not None:
            await self._hold(facts.canary, decision.finalizers)
        if decision.order is not None:
            await self._order(slot, facts.canary, decision.order)
        if decision.trigger is not None:
            await self._rollouts.submit(decision.trigger)
            _log.info("trigger.sent", slot=slot.key, **_fields(decision.trigger))

    async def _facts(self, slot: Slot) -> Facts | None:
        """A target that was there before its Canary has not been kept: it is read once."""
        facts = self._catalogue.facts(slot)
        where = target_ref(facts.canary) if facts is not None else None
        if facts is None or facts.target is not None or where is None:
            return facts
        found = await self._api.read(where)
        if found is None:
            return facts
        self._watches.take_in(Seen(Change.ADDED, found))
        return self._catalogue.facts(slot) if self._watches.knows_all_of(slot) else None

    async def _hold(self, canary: KubeObject, finalizers: tuple[str, ...]) -> None:
        version = text_at(canary, "metadata", "resourceVersion")
        metadata: dict[str, JsonValue] = {
            "finalizers": list(finalizers),
            "resourceVersion": version,
        }
        await self._api.merge(ref_of(canary), {"metadata": metadata})

    async def _order(self, slot: Slot, canary: KubeObject, verb: Verb) -> None:
        """Pause and keep that it was the manifest; a rollout that is over needs no resuming."""
        try:
            await self._rollouts.order(slot, verb)
        except (RolloutRefused, NoRollout) as error:
            _log.info("order.refused", slot=slot.key, verb=verb, why=str(error))
            if verb is Verb.PAUSE:
                return  # its next phase is an event of this slot
        noted = "true" if verb is Verb.PAUSE else None
        await self._api.merge(ref_of(canary), {"metadata": {"annotations": {SUSPENDED: noted}}})
        _log.info("order.sent", slot=slot.key, verb=verb)

    async def _show_judgement(self, canary: KubeObject, refusal: str) -> None:
        patch = judged(canary, refusal, clock())
        if patch is not None:
            await self._api.merge(ref_of(canary), patch, subresource="status")


def _fields(trigger: Trigger) -> dict[str, str]:
    return {"action": trigger.action, "revision": trigger.revision, "trigger": trigger.id}
