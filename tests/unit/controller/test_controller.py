"""A controller over a cluster in memory: what it sends for what happens there."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from activities.kube.objects import Ref
from tests.fakes_kube import InMemoryKube, forbidden, unreachable
from tests.unit.controller.scenes import (
    Json,
    a_canary,
    a_deployment,
    a_secret,
    canary_ref,
    condition,
)
from worker.applying import Trigger
from worker.controller.running import Controller, Waits, running
from worker.controller.settings import ClusterSettings
from worker.rollouts import NoAnswer, RolloutRefused
from workflows.errors import Reason
from workflows.model.identity import Slot
from workflows.model.requests import Action
from workflows.model.status import Verb

SETTINGS = ClusterSettings()
LIMIT = 20.0
SOON = Waits(first_retry=0.001)


@dataclass
class Rollouts:
    """Stands for Temporal: keeps what was sent; `planned` writes what a run's planning would."""

    kube: InMemoryKube
    sent: list[Trigger] = field(default_factory=list[Trigger])
    failures: list[Exception] = field(default_factory=list[Exception])
    promotes: bool = True
    orders: list[Verb] = field(default_factory=list[Verb])
    refusal: Exception | None = None

    async def order(self, slot: Slot, verb: Verb) -> None:
        self.orders.append(verb)
        if self.refusal is not None:
            raise self.refusal

    async def submit(self, trigger: Trigger) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(trigger)
        status: Json = {"phase": "Progressing", "lastAppliedSpec": trigger.revision}
        if self.promotes:
            status |= {"phase": "Succeeded", "lastPromotedSpec": trigger.revision}
        if trigger.action is Action.RELEASE:
            ref = canary_ref(trigger.slot.name, trigger.slot.namespace)
            self.kube.merge_now(ref, {"status": status})

    @property
    def names(self) -> list[str]:
        return [trigger.slot.name for trigger in self.sent]


@asynccontextmanager
async def controlled(
    rollouts: Rollouts, settings: ClusterSettings = SETTINGS
) -> AsyncGenerator[Controller]:
    async with running(rollouts.kube, rollouts, "prod", settings, SOON) as controller:
        await settled(controller)
        yield controller


async def settled(controller: Controller) -> None:
    """Until everything told has been taken in and attended to."""
    async with asyncio.timeout(LIMIT):
        for _ in range(8):
            for _ in range(20):
                await asyncio.sleep(0)
            await controller.queue.until_quiet()


async def test_what_is_there_at_the_start_is_initialised_once() -> None:
    rollouts = Rollouts(InMemoryKube(a_canary(), a_deployment()))
    async with controlled(rollouts):
        assert rollouts.names == ["podinfo"]
    assert rollouts.sent[0].slot.workflow_id == "rollout/prod/test/podinfo"


async def test_a_new_revision_is_sent_when_the_target_changes() -> None:
    rollouts = Rollouts(InMemoryKube(a_canary(), a_deployment()))
    async with controlled(rollouts) as controller:
        rollouts.kube.put(a_deployment(image="podinfo:2"))
        await settled(controller)
        assert len({trigger.revision for trigger in rollouts.sent}) == 2
        assert len(rollouts.sent) == 2


async def test_a_target_that_only_reports_its_status_is_nothing() -> None:
    rollouts = Rollouts(InMemoryKube(a_canary(), a_deployment()))
    async with controlled(rollouts) as controller:
        rollouts.kube.put(a_deployment(readyReplicas=1))
        await settled(controller)
        assert len(rollouts.sent) == 1


async def test_a_canary_that_comes_after_its_target_is_initialised() -> None:
    rollouts = Rollouts(InMemoryKube(a_canary("other"), a_deployment(), a_deployment("other")))
    async with controlled(rollouts) as controller:
        rollouts.kube.put(a_canary())
        await settled(controller)
        assert rollouts.names == ["other", "podinfo"]


async def test_a_target_that_comes_after_its_canary_is_initialised() -> None:
    rollouts = Rollouts(InMemoryKube(a_canary()))
    async with controlled(rollouts) as controller:
        assert rollouts.sent == []
        rollouts.kube.put(a_deployment())
        await settled(controller)
        assert rollouts.names == ["podinfo"]


async def test_a_changed_secret_is_a_new_revision() -> None:
    kube = InMemoryKube(a_canary(), a_deployment(secret="s"), a_secret("s", "MQ=="))
    rollouts = Rollouts(kube)
    async with controlled(rollouts) as controller:
        assert len(rollouts.sent) == 1
        kube.put(a_secret("s", "Mg=="))
        await settled(controller)
        assert len(rollouts.sent) == 2


async def test_configs_do_not_count_when_tracking_is_off() -> None:
    kube = InMemoryKube(a_canary(), a_deployment(secret="s"), a_secret("s", "MQ=="))
    rollouts = Rollouts(kube)
    async with controlled(rollouts, ClusterSettings(config_tracking=False)) as controller:
        kube.put(a_secret("s", "Mg=="))
        await settled(controller)
        assert len(rollouts.sent) == 1
        assert kube.counts["watch Secret"] == 0


async def test_a_missing_secret_is_waited_for() -> None:
    kube = InMemoryKube(a_canary(), a_deployment(secret="s"))
    rollouts = Rollouts(kube)
    async with controlled(rollouts) as controller:
        assert rollouts.sent == []
        kube.put(a_secret("s", "MQ=="))
        await settled(controller)
        assert rollouts.names == ["podinfo"]


async def test_secrets_are_watched_only_where_a_target_uses_one() -> None:
    kube = InMemoryKube(
        a_canary(),
        a_deployment(),
        a_canary("other", namespace="b"),
        a_deployment("other", namespace="b", secret="s"),
        a_secret("s", "MQ==", namespace="b"),
    )
    async with controlled(Rollouts(kube)):
        watched = {(ref.kind, ref.namespace) for verb, ref in kube.requests if verb == "watch"}
    assert watched == {
        ("Canary", None),
        ("MetricTemplate", None),
        ("RolloutPolicy", None),
        ("Deployment", None),
        ("Secret", "b"),
    }


async def test_a_second_controller_sends_the_same_triggers_and_no_others() -> None:
    kube = InMemoryKube(a_canary(), a_deployment())
    rollouts = Rollouts(kube)
    async with controlled(rollouts) as first, controlled(rollouts) as second:
        kube.put(a_deployment(image="podinfo:2"))
        await settled(first)
        await settled(second)
    assert len({trigger.id for trigger in rollouts.sent}) == 2


async def test_a_restarted_controller_sends_what_was_missed_and_nothing_twice() -> None:
    kube = InMemoryKube(a_canary(), a_deployment(), a_canary("other"), a_deployment("other"))
    rollouts = Rollouts(kube)
    async with controlled(rollouts):
        pass
    kube.put(a_deployment(image="podinfo:2"))
    async with controlled(rollouts):
        assert sorted(rollouts.names) == ["other", "podinfo", "podinfo"]


async def test_nothing_is_lost_while_temporal_does_not_answer() -> None:
    rollouts = Rollouts(InMemoryKube(a_canary(), a_deployment()))
    rollouts.failures = [NoAnswer("down")] * 5
    async with controlled(rollouts):
        assert rollouts.names == ["podinfo"]


async def test_what_is_sent_after_an_outage_is_what_the_target_holds_then() -> None:
    kube = InMemoryKube(a_canary(), a_deployment())
    rollouts = Rollouts(kube)

    class Down(NoAnswer):
        """Temporal is down; meanwhile somebody pushes a newer revision."""

        def __init__(self) -> None:
            super().__init__("down")
            kube.put(a_deployment(image="podinfo:2"))

    class FirstDown(Rollouts):
        async def submit(self, trigger: Trigger) -> None:
            if not kube.counts["read Marker"]:
                kube.requests.append(("read", Ref("v1", "Marker", "once")))
                raise Down
            await rollouts.submit(trigger)

    async with running(kube, FirstDown(kube), "prod", SETTINGS, SOON) as controller:
        await settled(controller)
    assert len(rollouts.sent) == 1


async def test_a_rollout_that_refuses_a_trigger_is_not_asked_again() -> None:
    rollouts = Rollouts(InMemoryKube(a_canary(), a_deployment()))
    rollouts.failures = [RolloutRefused("the policy says so", Reason.REVISION_REFUSED)]
    async with controlled(rollouts) as controller:
        assert rollouts.sent == []
        await settled(controller)
        assert rollouts.sent == []


async def test_a_run_that_ended_under_a_trigger_loses_nothing() -> None:
    rollouts = Rollouts(InMemoryKube(a_canary(), a_deployment()))
    rollouts.failures = [RolloutRefused("the workflow was terminated")]
    async with controlled(rollouts):
        assert rollouts.names == ["podinfo"]


async def test_an_api_server_that_fails_for_a_while_loses_nothing() -> None:
    kube = InMemoryKube(a_canary(), a_deployment())
    rollouts = Rollouts(kube)
    failures = 3

    def refuse(verb: str, ref: Ref) -> Exception | None:
        nonlocal failures
        if verb.startswith("merge") and failures:
            failures -= 1
            return unreachable(verb, ref)
        return None

    kube.refuse = refuse
    async with controlled(rollouts):
        assert rollouts.names == ["podinfo"]
    assert failures == 0


async def test_a_watch_that_was_refused_tells_what_happened_meanwhile() -> None:
    kube = InMemoryKube(a_canary(), a_deployment(), a_canary("other"), a_deployment("other"))
    rollouts = Rollouts(kube)
    failures = 3

    def refuse(verb: str, ref: Ref) -> Exception | None:
        nonlocal failures
        if (verb, ref.kind) == ("watch", "Deployment") and failures:
            failures -= 1
            return forbidden(verb, ref)
        return None

    async def pause(_: float) -> None:
        kube.put(a_deployment("other", image="podinfo:2"))

    kube.refuse = refuse
    waits = Waits(SOON.first_retry, pause)
    async with running(kube, rollouts, "prod", SETTINGS, waits) as controller:
        await settled(controller)
    assert failures == 0
    assert sorted(rollouts.names) == ["other", "podinfo"]


async def test_a_cluster_without_our_own_kind_is_served_all_the_same() -> None:
    kube = InMemoryKube(a_canary(), a_deployment(), not_installed=frozenset({"RolloutPolicy"}))
    rollouts = Rollouts(kube)
    async with controlled(rollouts):
        assert rollouts.names == ["podinfo"]


async def test_an_invalid_canary_says_so_in_its_status_until_it_is_right() -> None:
    kube = InMemoryKube(a_canary(analysis={"stepWeight": "ten"}), a_deployment())
    rollouts = Rollouts(kube)
    async with controlled(rollouts) as controller:
        seen = kube.get(canary_ref())
        assert condition(seen, "Ready")["status"] == "False"
        assert condition(seen, "Stalled")["reason"] == "InvalidManifest"
        assert "stepWeight" in str(condition(seen, "Ready")["message"])
        writes = len(kube.writes)
        kube.put(a_deployment(image="podinfo:2"))
        await settled(controller)
        assert len(kube.writes) == writes
        assert rollouts.sent == []
        kube.put(a_canary())
        await settled(controller)
        assert condition(kube.get(canary_ref()), "Stalled")["status"] == "False"
        assert rollouts.names == ["podinfo"]


async def test_a_template_that_arrives_makes_its_canary_right() -> None:
    checks: Json = {"metrics": [{"name": "x", "templateRef": {"name": "t"}, "interval": "1m",
                                 "thresholdRange": {"max": 1}}]}  # fmt: skip
    kube = InMemoryKube(a_canary(analysis=checks), a_deployment())
    rollouts = Rollouts(kube)
    async with controlled(rollouts) as controller:
        assert rollouts.sent == []
        provider: Json = {"type": "prometheus", "address": "http://prometheus:9090"}
        kube.put(
            {
                "apiVersion": "flagger.app/v1beta1",
                "kind": "MetricTemplate",
                "metadata": {"name": "t", "namespace": "test"},
                "spec": {"provider": provider, "query": "1"},
            }
        )
        await settled(controller)
        assert rollouts.names == ["podinfo"]


async def test_a_deleted_canary_is_held_until_its_target_was_given_back() -> None:
    kube = InMemoryKube(a_canary(), a_deployment())
    rollouts = Rollouts(kube)
    async with controlled(rollouts) as controller:
        await kube.delete(canary_ref())
        await settled(controller)
        assert [trigger.action for trigger in rollouts.sent] == [Action.RELEASE, Action.REVERT]
        assert await kube.read(canary_ref()) is not None
        kube.merge_now(canary_ref(), {"status": {"phase": "Terminated"}})
        await settled(controller)
        assert await kube.read(canary_ref()) is None


async def test_a_deleted_canary_that_was_never_initialised_is_let_go() -> None:
    kube = InMemoryKube(a_canary())
    async with controlled(Rollouts(kube)) as controller:
        assert kube.get(canary_ref())["metadata"]
        await kube.delete(canary_ref())
        await settled(controller)
        assert await kube.read(canary_ref()) is None


async def test_watches_end_with_the_last_canary_that_needs_them() -> None:
    kube = InMemoryKube(a_canary(), a_deployment(secret="s"), a_secret("s", "MQ=="))
    async with controlled(Rollouts(kube)) as controller:
        kube.drop(canary_ref())
        await settled(controller)
        kube.put(a_canary())
        await settled(controller)
    assert kube.counts["watch Secret"] == 2


@pytest.mark.parametrize("namespaces", [("a",), ("a", "b")])
async def test_only_the_namespaces_that_were_asked_for_are_watched(
    namespaces: tuple[str, ...],
) -> None:
    kube = InMemoryKube(
        *(a_canary(name, namespace=name) for name in "abc"),
        *(a_deployment(name, namespace=name) for name in "abc"),
    )
    rollouts = Rollouts(kube)
    async with controlled(rollouts, ClusterSettings(namespaces=namespaces)):
        assert sorted(rollouts.names) == list(namespaces)
    assert {ref.namespace for verb, ref in kube.requests if verb == "watch"} == set(namespaces)


async def test_a_thousand_idle_canaries_cost_no_request_but_the_watches() -> None:
    names = [f"app-{number}" for number in range(1_000)]
    kube = InMemoryKube(*map(a_canary, names), *map(a_deployment, names))
    async with controlled(Rollouts(kube)):
        pass
    kube.requests.clear()
    rollouts = Rollouts(kube)
    async with controlled(rollouts) as controller:
        for name in names:
            kube.merge_now(Ref("apps/v1", "Deployment", name, "test"), {"status": {"replicas": 2}})
        await settled(controller)
    assert rollouts.sent == []
    assert dict(kube.counts) == {
        "watch Canary": 1,
        "watch MetricTemplate": 1,
        "watch RolloutPolicy": 1,
        "watch Deployment": 1,
    }
