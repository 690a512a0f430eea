"""What a rollout writes into Temporal's history: `python -m tests.bench history`.

A plan of ten weights with two checks and a load test, compiled from a manifest, on the fake
platform of the workflow tests but with the real observation, whose ticks take 20 ms each here.
"""

import asyncio
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Worker

from activities.analysis.observe import HEARTBEAT_THROTTLE, Instruments, Observer
from activities.hooking.caller import Envelope
from activities.manifests import load
from tests.bench.server import temporal_server
from tests.bench.table import judged, show
from tests.fakes_observe import RememberingRoutes, ScriptedChecks
from tests.workflow.fake_platform import FakePlatform
from worker.plugin import rollouts_plugin
from workflows.compile import Bundle, compile_plan
from workflows.model.canary import Canary
from workflows.model.hook import Hook, HookAnswer
from workflows.model.input import RolloutInput
from workflows.model.observation import KEPT_TICKS as KEPT
from workflows.model.observation import Observation, ObserveRequest
from workflows.model.plan import Observe, Plan
from workflows.perform import observe_queue_of, queue_of
from workflows.rollout import Rollout

MOST_EVENTS = 140
TICK = 0.02
MANIFEST = """
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: shop}
spec:
  provider: local
  targetRef: {apiVersion: serinus.dev/v1alpha1, kind: Process, name: shop}
  service: {port: 8080, hosts: [shop.localhost]}
  analysis:
    interval: 10s
    threshold: 2
    stepWeights: [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    metrics:
      - {name: request-success-rate, interval: 1m, thresholdRange: {min: 99}}
      - {name: request-duration, interval: 1m, thresholdRange: {max: 500}}
    webhooks:
      - name: load-test
        url: http://127.0.0.1:8090/
        timeout: 5s
        metadata: {cmd: hey -z 10s -q 10 -c 2 -host shop.localhost http://127.0.0.1:8080/}
"""


class _Answering:
    """Hooks that answer at once."""

    async def call(self, hook: Hook, envelope: Envelope, key: str) -> HookAnswer:
        return HookAnswer(name=hook.name, type=hook.type, ok=True, status=200, body="OK")


def _observer() -> Observer:
    return Observer(Instruments(RememberingRoutes(), ScriptedChecks(99.9), _Answering()))


@dataclass
class _Platform(FakePlatform):
    """The fake platform with the real observation."""

    observer: Observer = field(default_factory=_observer)

    @activity.defn(name="analysis.observe")
    async def observe(self, request: ObserveRequest) -> Observation:
        return await self.observer.observe(request)


@dataclass(frozen=True)
class Written:
    """The history of one run."""

    events: int
    bytes: int
    observations: int


def ten_weights(ticks: int, weights: int = 10) -> Plan:
    """The compiled plan, each weight held for so many ticks, with ticks that take no time."""
    (canary,) = load(MANIFEST)
    assert isinstance(canary, Canary)
    plan = compile_plan(Bundle(canary=canary, revision="v2", promoted_revision="v1"))
    observing = [step for step in plan.steps if isinstance(step, Observe)]
    left_out = {step.name for step in observing[weights:]}
    steps = tuple(
        step.model_copy(update={"passes": ticks}) if isinstance(step, Observe) else step
        for step in plan.steps
        if step.name not in left_out
    )
    analysis = plan.analysis.model_copy(update={"interval": TICK})
    return plan.model_copy(update={"steps": steps, "analysis": analysis})


async def written(client: Client, plan: Plan) -> Written:
    """Roll the plan out and look at what is in its history."""
    cluster = f"b{uuid.uuid4().hex[:12]}"
    plugin = rollouts_plugin(_Platform(plan).activities())
    async with AsyncExitStack() as stack:
        for queue in (cluster, queue_of(cluster), observe_queue_of(cluster)):
            worker = Worker(
                client,
                task_queue=queue,
                plugins=[plugin],
                max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
            )
            await stack.enter_async_context(worker)
        start = RolloutInput(name="shop", cluster=cluster)
        handle = await client.start_workflow(
            Rollout.run, start, id=start.slot.workflow_id, task_queue=cluster
        )
        result = await handle.result()
        assert result.outcome == "promoted", result
        events = (await handle.fetch_history()).events
    scheduled = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    observations = sum(
        event.event_type == scheduled
        and event.activity_task_scheduled_event_attributes.activity_type.name == "analysis.observe"
        for event in events
    )
    return Written(len(events), sum(event.ByteSize() for event in events), observations)


async def _measure() -> tuple[Written, ...]:
    async with temporal_server() as server:
        plans = (ten_weights(1, weights=5), *(ten_weights(ticks) for ticks in (1, KEPT, 30)))
        return tuple([await written(server.client, plan) for plan in plans])


def main() -> bool:
    few, short, kept, long = asyncio.run(_measure())
    steps, ticks = short.observations - few.observations, (30 - KEPT) * long.observations
    rows = [
        ("5 weights, 1 tick each", few.events, few.bytes),
        ("10 weights, 1 tick each", short.events, short.bytes),
        (f"10 weights, {KEPT} ticks each", kept.events, kept.bytes),
        ("10 weights, 30 ticks each", long.events, long.bytes),
        _each("a weight more", few, short, steps),
        _each(f"a tick more, after {KEPT}", kept, long, ticks),
    ]
    show("History of a rollout", ("plan", "events", "bytes"), rows)
    few_events = judged(
        short.events <= MOST_EVENTS, f"10 weights in at most {MOST_EVENTS} events: {short.events}"
    )
    none_a_tick = judged(
        long.events == short.events,
        f"no event a tick: {short.events} with 1 tick a weight, {long.events} with 30",
    )
    return few_events and none_a_tick


def _each(what: str, less: Written, more: Written, by: int) -> tuple[str, str, str]:
    events, size = (more.events - less.events) / by, (more.bytes - less.bytes) / by
    return what, f"{events:g}", f"{size:.0f}"
