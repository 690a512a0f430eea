"""Counts what rollouts do, around each of a worker's activities.

An interceptor made by `worker.app`, so that neither workflows nor activities know of metrics. What
an activity was asked and what it answered says all that is to be counted; a retry that succeeds
counts once.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import ValidationError
from temporalio import activity
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from worker.meters import Meters
from workflows.errors import worker_shutdown
from workflows.model.announcement import SendAlert, SendEvent
from workflows.model.hook import HookAnswer
from workflows.model.identity import Slot
from workflows.model.observation import Ending, Observation, ObserveProgress, ObserveRequest
from workflows.model.requests import (
    CallHooks,
    CallUndo,
    CloseRun,
    EnsureRoutes,
    HookAnswers,
    Outcome,
    Prepared,
    PrepareRequest,
)

RESTORE, EVENT_HOOK = "restore", "event-hook"
REMEMBERED = 10_000


@dataclass
class Counted:
    """What happened, put into `meters`; `bad_since` is kept for runs that are to be restored."""

    meters: Meters
    now: Callable[[], float] = time.time
    bad_since: dict[str, float] = field(default_factory=dict[str, float])
    gone: set[Slot] = field(default_factory=set[Slot])
    """Targets given back: what is still delivered about them must not bring their series back."""

    def done(self, request: object, answer: object) -> None:
        """An activity answered."""
        match request, answer:
            case PrepareRequest(slot=slot), Prepared(plan=plan):
                self.gone.discard(slot)
                self.meters.begin(slot)
                self.meters.started.labels(*of(slot), plan.kind).inc()
            case CloseRun(), _:
                self._closed(request)
            case ObserveRequest(), Observation():
                self._observed(request, answer)
            case EnsureRoutes(slot=slot, step=step), _ if step == RESTORE:
                self._restored(slot, request.fence.run_id)
            case CallHooks(slot=slot) | CallUndo(slot=slot), HookAnswers(answers=answers):
                self._hooks(slot, answers)
            case SendAlert() | SendEvent(), _:
                self._delivered(request, "delivered")
            case _:
                return

    def failed(self, request: object) -> None:
        """An attempt failed; Temporal makes another or gives up."""
        match request:
            case EnsureRoutes(slot=slot, step=step) if step == RESTORE:
                self.meters.restore_failures.labels(*of(slot)).inc()
            case CallUndo(slot=slot):
                self.meters.hooks.labels(*of(slot), "undo", "failed").inc()
            case SendAlert() | SendEvent():
                self._delivered(request, "failed")
            case _:
                return

    def ticked(
        self, request: ObserveRequest, before: ObserveProgress, after: ObserveProgress
    ) -> None:
        """A heartbeat of an observation, beside the one before it."""
        own, meters = of(request.slot), self.meters
        if after.evidence.drift > before.evidence.drift:
            meters.drift.labels(*own).inc(after.evidence.drift - before.evidence.drift)
        if after.ticks <= before.ticks or not after.evidence.ticks:
            return
        tick = after.evidence.ticks[-1]
        meters.ticks.labels(*own, tick.verdict).inc()
        if before.next_tick_at:
            meters.late.labels(*own).observe(max(0.0, tick.at - before.next_tick_at))
        for result in tick.results:
            meters.checks.labels(*own, result.measurement.check, result.verdict).inc()
        self._hooks(request.slot, (*tick.answers, *after.evidence.gate))

    def _closed(self, request: CloseRun) -> None:
        own = of(request.slot)
        if request.outcome is Outcome.REVERTED:
            self.meters.forget(request.slot)
            self.gone.add(request.slot)
            return
        self.meters.ended.labels(*own, request.outcome, request.reason or "").inc()
        took = max(0.0, request.ended_at - request.started_at)
        self.meters.lasted.labels(*own, request.outcome).observe(took)
        self.bad_since.pop(request.fence.run_id, None)

    def _observed(self, request: ObserveRequest, answer: Observation) -> None:
        if answer.ending in (Ending.PASSED, Ending.GATE_OPEN):
            return
        trip, first = answer.evidence.trip, answer.evidence.first_failure
        if trip is not None:
            self.meters.trips.labels(*of(request.slot), trip.reason).inc()
        if len(self.bad_since) >= REMEMBERED:
            self.bad_since.clear()
        tripped = trip is not None or first is None
        self.bad_since[request.fence.run_id] = self.now() if tripped or not first else first.at

    def _restored(self, slot: Slot, run_id: str) -> None:
        scheduled = activity.info().scheduled_time.timestamp()
        self.meters.restored.labels(*of(slot)).observe(max(0.0, self.now() - scheduled))
        since = self.bad_since.pop(run_id, None)
        if since is not None:
            self.meters.reacted.labels(*of(slot)).observe(max(0.0, self.now() - since))

    def _hooks(self, slot: Slot, answers: tuple[HookAnswer, ...]) -> None:
        for answer in answers:
            result = "fine" if answer.ok else "failed"
            self.meters.hooks.labels(*of(slot), answer.type, result).inc()

    def _delivered(self, request: SendAlert | SendEvent, result: str) -> None:
        if isinstance(request, SendAlert):
            slot, channel = request.alert.slot, str(request.route.kind)
        else:
            slot, channel = request.slot, EVENT_HOOK
        if slot not in self.gone:
            self.meters.alerts.labels(*of(slot), channel, result).inc()


def of(slot: Slot) -> tuple[str, str]:
    return slot.namespace, slot.name


@dataclass(frozen=True)
class Counting(Interceptor):
    """Of one worker process."""

    counted: Counted

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  Temporal's name
        return _Inbound(next, self.counted)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, counted: Counted) -> None:
        super().__init__(following)
        self._counted = counted
        self._out: _Outbound | None = None

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        self._out = _Outbound(outbound, self._counted)
        super().init(self._out)

    async def execute_activity(self, input: ExecuteActivityInput) -> object:  # noqa: A002  Temporal's name
        request: object = input.args[0] if input.args else None
        if isinstance(request, ObserveRequest) and self._out is not None:
            self._out.follow(request)
        try:
            answer: object = await super().execute_activity(input)
        except Exception as error:
            if not _is_hand_over(error):
                self._counted.failed(request)
            raise
        self._counted.done(request, answer)
        return answer


class _Outbound(ActivityOutboundInterceptor):
    """Hears the heartbeats of an observation: there is one at each tick."""

    def __init__(self, following: ActivityOutboundInterceptor, counted: Counted) -> None:
        super().__init__(following)
        self._counted = counted
        self._request: ObserveRequest | None = None
        self._before = ObserveProgress()

    def follow(self, request: ObserveRequest) -> None:
        """An attempt begins where the last one's heartbeat was."""
        self._request = request
        for details in activity.info().heartbeat_details[:1]:
            try:
                self._before = ObserveProgress.model_validate(details)
            except ValidationError:
                return  # the observation says so itself, and starts over

    def heartbeat(self, *details: object) -> None:
        if self._request is not None and details and isinstance(details[0], ObserveProgress):
            self._counted.ticked(self._request, self._before, details[0])
            self._before = details[0]
        super().heartbeat(*details)


def _is_hand_over(error: Exception) -> bool:
    return str(error) == str(worker_shutdown())
