"""The announcer: each receiver in its order and at its own pace, once a state, to the end."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.builders import a_gate, a_hook, a_plan
from tests.conftest import temporal_server
from tests.workflow.conftest import Stage, Theatre
from tests.workflow.fake_platform import FakePlatform, failed, passed
from tests.workflow.receivers import EventReceivers, Receivers
from worker.plugin import rollouts_plugin
from workflows.converter import DATA_CONVERTER
from workflows.errors import Reason, failure
from workflows.model.alert import Alert, AlertRoute, Channel, Severity, State
from workflows.model.announcement import Again, Announce, News, RunSeen, Told, Trouble
from workflows.model.decisions import Decision
from workflows.model.hook import HookType
from workflows.model.identity import Slot
from workflows.model.observation import Ending, Observation, ObserveRequest
from workflows.model.plan import Plan
from workflows.model.requests import Orphan, Outcome
from workflows.telling.announce import Announcer
from workflows.telling.announcements import announcer_id
from workflows.telling.lanes import announce_queue_of

REFUSED = failure(Reason.ALERT_REFUSED, "answered 404", retryable=False)
DOWN = failure(Reason.RECEIVER_DOWN, "answered 503", retryable=True)


def a_route(name: str, severity: Severity = Severity.INFO) -> AlertRoute:
    return AlertRoute(
        name=name, kind=Channel.SLACK, severity=severity, address="http://127.0.0.1:9"
    )


def listened(plan: Plan, *routes: AlertRoute) -> Plan:
    return plan.model_copy(update={"alerts": routes})


def an_alert(run: str, state: State, severity: Severity = Severity.INFO, **more: object) -> Alert:
    fields: dict[str, object] = {
        "key": f"{run}/{state}", "slot": Slot(name="shop"), "at": 1.0, "severity": severity,
        "title": state, "text": state, "phase": "Progressing", "state": state, "run_id": run,
    }  # fmt: skip
    return Alert.model_validate({**fields, **more})


@dataclass
class Office:
    """Serves receivers to announcers, and starts some of its own."""

    env: WorkflowEnvironment
    stack: AsyncExitStack
    receivers: Receivers
    events: EventReceivers
    theatre: Theatre

    async def serve(self, cluster: str) -> Worker:
        worker = Worker(
            self.env.client,
            task_queue=announce_queue_of(cluster),
            activities=[self.receivers.send, self.receivers.look, self.events.event],
            graceful_shutdown_timeout=timedelta(0),
        )
        await self.stack.enter_async_context(worker)
        return worker

    async def play(self, platform: FakePlatform) -> Stage:
        stage = await self.theatre.begin(platform.plan, platform)
        await self.serve(Slot.of(stage.handle.id).cluster)
        return stage

    async def begin(self, start: Announce) -> "WorkflowHandle[Announcer, Told]":
        """An announcer alone, on a cluster of its own."""
        cluster = f"c{uuid.uuid4().hex[:12]}"
        slot = start.slot.model_copy(update={"cluster": cluster})
        await self.stack.enter_async_context(
            Worker(self.env.client, task_queue=cluster, plugins=[rollouts_plugin()])
        )
        await self.serve(cluster)
        return await self.env.client.start_workflow(
            Announcer.run,
            start.model_copy(update={"slot": slot}),
            id=announcer_id(slot, start.run_id),
            task_queue=cluster,
        )


@pytest.fixture
async def office(env: WorkflowEnvironment, theatre: Theatre) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        receivers = Receivers()
        yield Office(env, stack, receivers, EventReceivers(receivers), theatre)


def announcer_of(stage: Stage) -> "WorkflowHandle[Announcer, Told]":
    slot, run_id = Slot.of(stage.handle.id), stage.handle.first_execution_run_id or ""
    return stage.client.get_workflow_handle_for(Announcer.run, announcer_id(slot, run_id))


async def test_a_release_is_told_from_its_start_to_its_end(office: Office) -> None:
    stage = await office.play(FakePlatform(listened(a_plan(10), a_route("all"))))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED
    told = await announcer_of(stage).result()
    assert office.receivers.states("all") == ["started", "promoted"]
    assert (told.sent, told.waiting, told.dead) == (2, (), ())


async def test_a_rollback_is_told_once_with_its_reason(office: Office) -> None:
    quiet, loud = a_route("errors", Severity.ERROR), a_route("all")
    platform = FakePlatform(listened(a_plan(10), quiet, loud))
    platform.verdicts["weight-10"] = failed
    stage = await office.play(platform)
    assert (await stage.handle.result()).outcome is Outcome.ROLLED_BACK
    await announcer_of(stage).result()
    assert office.receivers.states("errors") == ["rolled-back"]
    assert office.receivers.states("all") == ["started", "rolled-back"]
    (sent,) = [each for each in office.receivers.sent if each.route.name == "errors"]
    assert sent.alert.reason is Reason.FAILED_CHECKS
    assert "request-success-rate 81.2 is below 99" in sent.alert.text


async def test_a_plan_that_nobody_listens_to_starts_nothing(office: Office) -> None:
    stage = await office.play(FakePlatform(a_plan(10)))
    await stage.handle.result()
    history = await stage.handle.fetch_history()
    assert not [event for event in history.events if "CHILD" in str(event.event_type)]
    with pytest.raises(RPCError):
        await announcer_of(stage).describe()


async def test_a_gate_is_told_to_wait_and_to_wait_no_more(office: Office) -> None:
    gate = a_gate(HookType.CONFIRM_ROLLOUT)
    stage = await office.play(
        FakePlatform(listened(a_plan(10, before_start=(gate,)), a_route("all")))
    )
    await stage.at("confirm-rollout")
    await until(lambda: "waiting" in office.receivers.states("all"))
    await stage.handle.execute_update("approve", Decision(by="ana"))
    await stage.handle.result()
    await announcer_of(stage).result()
    assert office.receivers.states("all") == ["started", "waiting", "waiting over", "promoted"]


async def test_a_gate_that_its_hook_opens_at_once_bothers_nobody(office: Office) -> None:
    gate = a_gate(HookType.CONFIRM_ROLLOUT).model_copy(update={"hooks": (a_hook("ask"),)})
    platform = FakePlatform(listened(a_plan(10, before_start=(gate,)), a_route("all")))
    platform.verdicts["confirm-rollout"] = opened
    stage = await office.play(platform)
    await stage.handle.result()
    await announcer_of(stage).result()
    assert office.receivers.states("all") == ["started", "promoted"]


async def test_a_gate_whose_hooks_are_muted_bothers_nobody(office: Office) -> None:
    muted = a_hook("ask").model_copy(update={"mute_alert": True})
    gate = a_gate(HookType.CONFIRM_ROLLOUT).model_copy(update={"hooks": (muted,)})
    stage = await office.play(
        FakePlatform(listened(a_plan(10, before_start=(gate,)), a_route("all")))
    )
    await stage.at("confirm-rollout")
    await stage.handle.execute_update("approve", Decision(by="ana"))
    await stage.handle.result()
    await announcer_of(stage).result()
    assert office.receivers.states("all") == ["started", "promoted"]


async def test_a_receiver_that_hangs_delays_neither_the_rollout_nor_the_others(
    office: Office,
) -> None:
    office.receivers.holding.add("hung")
    stage = await office.play(FakePlatform(listened(a_plan(10), a_route("hung"), a_route("well"))))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED
    await until(lambda: office.receivers.states("well") == ["started", "promoted"])
    assert office.receivers.states("hung") == []
    assert (await announcer_of(stage).query(Announcer.told)).waiting[0].receiver == "alert hung"
    office.receivers.holding.clear()
    await announcer_of(stage).result()
    assert office.receivers.states("hung") == ["started", "promoted"]


async def test_what_is_refused_becomes_a_dead_letter_at_once(office: Office) -> None:
    office.receivers.failing["gone"] = REFUSED
    stage = await office.play(FakePlatform(listened(a_plan(10), a_route("gone"), a_route("well"))))
    await stage.handle.result()
    told = await announcer_of(stage).result()
    assert [(letter.receiver, letter.item.alert and letter.item.alert.state, letter.message)
            for letter in told.dead] == [
        ("alert gone", State.STARTED, "answered 404"),
        ("alert gone", State.PROMOTED, "answered 404"),
    ]  # fmt: skip
    assert len(office.receivers.attempts) == 4
    assert office.receivers.states("well") == ["started", "promoted"]


async def test_a_dead_receiver_is_tried_for_an_hour(office: Office) -> None:
    office.receivers.failing["down"] = DOWN
    news = News(alerts=(an_alert("r", State.STARTED),), last=True)
    start = Announce(slot=Slot(name="shop"), run_id="r", routes=(a_route("down"),), news=news)
    handle = await office.begin(start)
    told = await handle.result()
    (letter,) = told.dead
    assert (letter.reason, letter.message) == (Reason.RECEIVER_DOWN, "answered 503")
    assert len(office.receivers.attempts) > 10
    described = await handle.describe()
    assert described.close_time is not None
    took = described.close_time - described.start_time
    assert timedelta(minutes=50) < took < timedelta(minutes=65)


async def test_a_receiver_that_comes_back_gets_all_in_order_and_each_once(office: Office) -> None:
    office.receivers.failing["down"] = DOWN
    states = (State.STARTED, State.WAITING, State.ROLLED_BACK)
    alerts = tuple(an_alert("r", state) for state in states)
    start = Announce(slot=Slot(name="shop"), run_id="r", routes=(a_route("down"),),
                     news=News(alerts=alerts[:1]))  # fmt: skip
    handle = await office.begin(start)
    await office.receivers.came.wait()
    await handle.signal(Announcer.tell, News(alerts=alerts))
    await handle.signal(Announcer.tell, News(alerts=alerts[1:], last=True))
    office.receivers.failing.clear()
    told = await handle.result()
    assert office.receivers.states("down") == [str(state) for state in states]
    assert (told.sent, told.dead) == (3, ())


async def test_dead_letters_are_sent_again_when_asked(office: Office) -> None:
    office.receivers.failing["gone"] = REFUSED
    start = Announce(slot=Slot(name="shop"), run_id="r", routes=(a_route("gone"),),
                     news=News(alerts=(an_alert("r", State.STARTED),)))  # fmt: skip
    handle = await office.begin(start)

    async def dead() -> int:
        return len((await handle.query(Announcer.told)).dead)

    await until_async(dead, 1)
    office.receivers.failing.clear()
    await handle.signal(Announcer.again, Again(ids=("unknown",)))
    await handle.signal(Announcer.again, Again())
    await handle.signal(Announcer.tell, News(last=True))
    told = await handle.result()
    assert (told.sent, told.dead, office.receivers.states("gone")) == (1, (), ["started"])


async def test_a_worker_that_is_restarted_sends_nothing_twice(office: Office) -> None:
    start = Announce(slot=Slot(name="shop"), run_id="r", routes=(a_route("all"),),
                     news=News(alerts=(an_alert("r", State.STARTED),)))  # fmt: skip
    cluster = f"c{uuid.uuid4().hex[:12]}"
    slot = start.slot.model_copy(update={"cluster": cluster})
    handle = await office.env.client.start_workflow(
        Announcer.run, start.model_copy(update={"slot": slot}), id=announcer_id(slot, "r"),
        task_queue=cluster,
    )  # fmt: skip
    await office.serve(cluster)
    for state in (State.WAITING, State.PROMOTED):
        office.receivers.came.clear()
        async with Worker(
            office.env.client, task_queue=cluster, plugins=[rollouts_plugin()],
            max_cached_workflows=0,
        ):  # fmt: skip
            await office.receivers.came.wait()
        last = state is State.PROMOTED
        await handle.signal(Announcer.tell, News(alerts=(an_alert("r", state),), last=last))
    async with Worker(office.env.client, task_queue=cluster, plugins=[rollouts_plugin()]):
        await handle.result()
    assert office.receivers.states("all") == ["started", "waiting", "promoted"]


async def test_a_restore_that_is_not_done_in_time_is_told_with_what_fails(office: Office) -> None:
    trouble = (
        Trouble(activity="routing.ensure", attempt=9, message="the proxy is down"),
        Trouble(activity="hooks.undo", attempt=4, message="answered 500"),
    )
    office.receivers.seen = RunSeen(running=True, trouble=trouble)
    rollback = an_alert("r", State.ROLLED_BACK, Severity.ERROR)
    start = Announce(slot=Slot(name="shop"), run_id="r", routes=(a_route("all"),),
                     news=News(alerts=(rollback,)))  # fmt: skip
    handle = await office.begin(start)
    await until(lambda: len(office.receivers.looks) >= 2)
    await handle.signal(Announcer.tell, News(last=True))
    await handle.result()
    assert office.receivers.states("all") == ["rolled-back", "restore-retrying", "undo-failing"]
    assert "the proxy is down" in office.receivers.sent[1].alert.text


async def test_an_announcer_ends_when_its_rollout_is_gone_without_a_word(office: Office) -> None:
    office.receivers.seen = RunSeen(running=False)
    start = Announce(slot=Slot(name="shop"), run_id="r", routes=(a_route("all"),),
                     news=News(alerts=(an_alert("r", State.STARTED),)))  # fmt: skip
    handle = await office.begin(start)
    assert (await handle.result()).sent == 1


async def test_events_go_to_event_hooks_only(office: Office) -> None:
    hook = a_hook("follow", HookType.EVENT)
    plan = a_plan(10).model_copy(update={"event_hooks": (hook,)})
    stage = await office.play(FakePlatform(plan))
    await stage.handle.result()
    await announcer_of(stage).result()
    said = office.receivers.states("follow")
    assert said[0] == "New revision detected! Scaling up shop.default"
    assert "Advance shop.default canary weight 10" in said
    assert said[-1].startswith("Promotion completed!")
    assert office.receivers.sent == []


async def test_the_janitor_tells_of_a_rollout_that_was_terminated(office: Office) -> None:
    plan = listened(a_plan(10), a_route("all"))
    platform = FakePlatform(plan, block={"weight-10"})
    stage = await office.play(platform)
    await stage.at("weight-10")
    await until(lambda: office.receivers.states("all") == ["started"])
    await stage.handle.terminate("gone")
    slot, run_id = Slot.of(stage.handle.id), stage.handle.first_execution_run_id or ""
    await stage.client.execute_workflow(
        "Restore", Orphan(slot=slot, run_id=run_id, plan=plan), id=slot.restore_id,
        task_queue=slot.cluster,
    )  # fmt: skip
    await announcer_of(stage).result()
    assert office.receivers.states("all") == ["started", "rolled-back"]
    assert office.receivers.sent[-1].alert.reason is Reason.TERMINATED


async def test_a_dead_letter_is_counted(office: Office) -> None:
    office.receivers.failing["gone"] = REFUSED
    metrics = MetricBuffer(10_000)
    client = await Client.connect(
        office.env.client.service_client.config.target_host,
        namespace=office.env.client.namespace,
        data_converter=DATA_CONVERTER,
        runtime=Runtime(telemetry=TelemetryConfig(metrics=metrics)),
    )
    slot = Slot(name="shop", cluster=f"c{uuid.uuid4().hex[:12]}")
    news = News(alerts=(an_alert("r", State.STARTED),), last=True)
    await office.serve(slot.cluster)
    async with Worker(client, task_queue=slot.cluster, plugins=[rollouts_plugin()]):
        start = Announce(slot=slot, run_id="r", routes=(a_route("gone"),), news=news)
        await client.execute_workflow(
            Announcer.run, start, id=announcer_id(slot, "r"), task_queue=slot.cluster
        )
    counted = [
        (update.value, update.attributes["channel"], update.attributes["reason"])
        for update in metrics.retrieve_updates()
        if update.metric.name == "serinus_alerts_dead"
    ]
    assert counted == [(1, "slack", "AlertRefused")]


@pytest.fixture
async def forgetful() -> AsyncIterator[WorkflowEnvironment]:
    """A server that suggests to continue as new after a few steps."""
    async with temporal_server("limit.historyCount.suggestContinueAsNew=40") as env:
        yield env


async def test_a_run_that_continues_as_new_tells_nothing_twice(
    forgetful: WorkflowEnvironment,
) -> None:
    receivers = Receivers()
    async with AsyncExitStack() as stack:
        theatre = Theatre(forgetful, stack)
        there = Office(forgetful, stack, receivers, EventReceivers(receivers), theatre)
        hook = a_hook("follow", HookType.EVENT)
        plan = listened(a_plan(*range(10, 100, 10), threshold=100), a_route("all"))
        stage = await there.play(FakePlatform(plan.model_copy(update={"event_hooks": (hook,)})))
        assert (await stage.handle.result()).outcome is Outcome.PROMOTED
        first = stage.handle.first_execution_run_id
        newest = await stage.client.get_workflow_handle(stage.handle.id).describe()
        await announcer_of(stage).result()
    assert newest.run_id != first
    assert receivers.states("all") == ["started", "promoted"]
    said = receivers.states("follow")
    assert len(said) == len(set(said))
    assert [f"canary weight {weight}" in text for weight, text in
            zip(range(10, 100, 10), said[2:11], strict=True)] == [True] * 9  # fmt: skip


def opened(request: ObserveRequest) -> Observation:
    return passed(request).model_copy(update={"ending": Ending.GATE_OPEN})


async def until(condition: Callable[[], bool]) -> None:
    """Look until it is so; activities cannot set our event for every state."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def until_async(number: Callable[[], Awaitable[int]], wanted: int) -> None:
    async with asyncio.timeout(30):
        while await number() != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
