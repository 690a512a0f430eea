"""The `Announcer` workflow: tells people of one rollout, and goes on when the rollout is over.

Started by the rollout at the first thing to tell (`workflows.telling.announcements`), told more by
signal, over after the last. Each receiver has a lane of its own with its own order and retries, so
that a dead one holds up nobody; what it did not take for an hour becomes a dead letter.
"""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from workflows import policies, search_attributes
    from workflows.contracts import Alerting
    from workflows.model.alert import Alert, State
    from workflows.model.announcement import (
        Again,
        Announce,
        Item,
        Letter,
        LookAtRun,
        News,
        Queued,
        RunSeen,
        Told,
    )
    from workflows.telling.lanes import Lane, announce_queue_of, lanes_of, letter_id
    from workflows.telling.trouble import trouble_alerts

UNDELIVERED = "Undelivered"
"""The phase, in the visibility store, of an `Announcer` that has dead letters."""
ANNOUNCED = "Announced"


@workflow.defn(name="Announcer")
class Announcer:
    """Tells the receivers of one rollout what happens to it."""

    @workflow.init
    def __init__(self, start: Announce) -> None:
        self._start = start
        self._said = set(start.told)
        self._dead = list(start.dead)
        self._sent = start.sent
        self._last = False
        self._rollback: Alert | None = None
        self._looks = 0
        self._held: dict[str, Alert] = {}
        self._holds: list[asyncio.Task[None]] = []
        self._lanes = lanes_of(start, self._perish, self._arrive)
        for queued in start.queued:
            self._lane(queued.receiver, queued.item)
        self._hear(start.news)

    @workflow.run
    async def run(self, start: Announce) -> Told:
        """Until the last is told and every receiver has it, or is given up."""
        del start
        self._show()
        work = [asyncio.create_task(lane.work()) for lane in self._lanes.values()]
        while not self._over:
            await self._wait()
        for lane in self._lanes.values():
            lane.stop()
        await asyncio.gather(*work)
        if self._renewing:
            workflow.continue_as_new(self._carried())
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.told()

    @workflow.signal(description="What is new; sent by the rollout.")
    def tell(self, said: News) -> None:
        """Give it to every receiver that wants it."""
        self._hear(said)

    @workflow.signal(description='Send dead letters again. Data optional: {"ids": ["<id>"]}')
    def again(self, which: Again | None = None) -> None:
        """Queue them; none named means all."""
        ids = which.ids if which is not None else ()
        for letter in tuple(self._dead):
            if not ids or letter.id in ids:
                self._dead.remove(letter)
                self._lane(letter.receiver, letter.item)
        self._show()

    @workflow.query(description="What was sent, what waits, and the dead letters.")
    def told(self) -> Told:
        """The one read model of an announcer."""
        return Told(
            slot=self._start.slot,
            run_id=self._start.run_id,
            sent=self._sent,
            waiting=self._waiting(),
            dead=tuple(self._dead),
        )

    @workflow.query(description="Everything that is needed to send dead letters again.")
    def start(self) -> Announce:
        """The input of an announcer that has only these dead letters."""
        return self._carried().model_copy(update={"queued": ()})

    def _hear(self, said: News) -> None:
        for alert in said.alerts:
            self._take(alert)
        for event in said.events:
            self._spread(Item(event=event))
        self._last = self._last or said.last

    def _take(self, alert: Alert) -> None:
        if alert.state is State.ROLLED_BACK:
            self._rollback = alert
        if alert.resolved and self._held.pop(alert.key, None) is not None:
            return
        if alert.patience and not alert.resolved and alert.key not in self._said:
            self._held[alert.key] = alert
            self._holds.append(asyncio.create_task(self._hold(alert)))
        else:
            self._spread(Item(alert=alert))

    async def _hold(self, alert: Alert) -> None:
        """Tell people only what is still so after a moment."""
        with contextlib.suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: alert.key not in self._held, timeout=timedelta(seconds=alert.patience)
            )
        if self._held.pop(alert.key, None) is not None:
            self._spread(Item(alert=alert))

    def _spread(self, item: Item) -> None:
        """Once a state, whoever says it twice."""
        if item.key in self._said:
            return
        self._said.add(item.key)
        for lane in self._lanes.values():
            if lane.wants(item):
                lane.queue.append(item)

    def _lane(self, receiver: str, item: Item) -> None:
        lane = self._lanes.get(receiver)
        if lane is not None:
            lane.queue.append(item)

    @property
    def _renewing(self) -> bool:
        suggested = workflow.info().is_continue_as_new_suggested()
        return suggested and not (self._is_done or self._held)

    @property
    def _is_done(self) -> bool:
        busy = self._held or any(lane.busy for lane in self._lanes.values())
        return self._last and not busy

    @property
    def _over(self) -> bool:
        return self._is_done or self._renewing

    async def _wait(self) -> None:
        """A rollout that was terminated never says its last; a restore may need somebody."""
        watched = self._rollback is not None and not self._last
        patience = policies.RESTORE_PATIENCE * 2.0 ** min(self._looks, 6)
        limit = patience if watched else policies.SILENCE
        before = self._rollback
        try:
            await workflow.wait_condition(
                lambda: self._over or self._rollback is not before, timeout=limit
            )
        except TimeoutError:
            await self._look()

    async def _look(self) -> None:
        self._looks += 1
        seen = await self._seen()
        if seen is None:
            return
        self._last = self._last or not seen.running
        if self._rollback is not None and not self._last:
            now = workflow.now().timestamp()
            for alert in trouble_alerts(self._rollback, seen.trouble, now):
                self._spread(Item(alert=alert))

    async def _seen(self) -> RunSeen | None:
        slot = self._start.slot
        try:
            return await workflow.execute_activity_method(
                Alerting.look,
                LookAtRun(slot=slot, run_id=self._start.run_id),
                task_queue=announce_queue_of(slot.cluster),
                start_to_close_timeout=policies.READ_TIMEOUT,
                schedule_to_close_timeout=policies.GIVE_UP_AFTER,
                retry_policy=policies.READ_RETRY,
                summary="is the rollout still running, and has it trouble?",
            )
        except ActivityError as error:
            workflow.logger.warning("announce.blind", extra={"why": str(error.cause)})
            return None

    def _arrive(self) -> None:
        self._sent += 1

    def _perish(self, lane: Lane, item: Item, error: ActivityError) -> None:
        reason, message = lane.why(error)
        self._dead.append(
            Letter(
                id=letter_id(self._start, lane.name, item),
                receiver=lane.name,
                item=item,
                reason=reason,
                message=message,
                at=workflow.now().timestamp(),
            )
        )
        labels = {"channel": lane.kind, "reason": str(reason)}
        workflow.metric_meter().create_counter(
            "serinus_alerts_dead", "Alerts and events that a receiver did not take."
        ).add(1, labels)
        self._show()

    def _show(self) -> None:
        phase = UNDELIVERED if self._dead else ANNOUNCED
        workflow.upsert_search_attributes([search_attributes.PHASE.value_set(phase)])

    def _waiting(self) -> tuple[Queued, ...]:
        return tuple(
            Queued(receiver=lane.name, item=item)
            for lane in self._lanes.values()
            for item in lane.left()
        )

    def _carried(self) -> Announce:
        return self._start.model_copy(
            update={
                "news": News(last=self._last),
                "queued": self._waiting(),
                "dead": tuple(self._dead),
                "sent": self._sent,
                "told": tuple(sorted(self._said)),
            }
        )
