"""Whom a plan on this machine tells."""

from pathlib import Path

import httpx
import pytest

from activities.local.home import Home
from activities.local.platform import LocalPlatform
from activities.local.proxy import ProxyPorts
from tests.activities.local.test_planning import CANARY, PROCESS, Runs, apply, prepare
from workflows.model.alert import Channel

TOLD = CANARY.replace(
    "maxWeight: 50}", "maxWeight: 50, alerts: [{name: tell, providerRef: {name: chat}}]}"
)
CHAT = """
apiVersion: flagger.app/v1beta1
kind: AlertProvider
metadata: {name: chat}
spec: {type: gchat, address: "http://127.0.0.1:9/"}
"""
POLICY = """
apiVersion: serinus.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: tells}
spec: {alerts: [{name: manager, type: alertmanager, address: "http://127.0.0.1:9/"}]}
"""
HOOKED = "http://127.0.0.1:9/events"


@pytest.fixture
def here(tmp_path: Path, loopback: httpx.AsyncClient) -> LocalPlatform:
    home = Home(tmp_path)
    home.prepare()
    return LocalPlatform(home, loopback, ProxyPorts(web=1, api=2, metrics=3), Path("/nowhere"))


async def test_providers_and_policy_are_in_the_plan(here: LocalPlatform) -> None:
    apply(here, "---".join((PROCESS, TOLD, CHAT, POLICY)))
    plan = (await prepare(here.planning(Runs().is_running, HOOKED))).plan
    assert [route.kind for route in plan.alerts] == [Channel.GCHAT, Channel.ALERTMANAGER]
    assert [hook.url for hook in plan.event_hooks] == [HOOKED]
    assert ("Target", "Process/shop-processes.default") in [
        (fact.name, fact.value) for fact in plan.facts
    ]


async def test_a_missing_provider_stops_no_release(here: LocalPlatform) -> None:
    apply(here, "---".join((PROCESS, TOLD)))
    (route,) = (await prepare(here.planning(Runs().is_running))).plan.alerts
    assert "there is no AlertProvider default/chat" in route.problem


async def test_a_process_alone_tells_nobody(here: LocalPlatform) -> None:
    apply(here, PROCESS.replace("shop-processes", "shop"))
    plan = (await prepare(here.planning(Runs().is_running))).plan
    assert (plan.alerts, plan.event_hooks) == ((), ())
