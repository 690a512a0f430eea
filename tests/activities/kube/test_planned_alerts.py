"""Whom a plan on a cluster tells."""

from dataclasses import replace

from pydantic import JsonValue

from activities.kube.objects import KubeObject
from tests.activities.kube.canaries import SLOT, canary, deployment, policy
from tests.activities.kube.test_planning import SETTINGS, Scene
from workflows.model.alert import AlertRoute, Channel
from workflows.model.measurement import SecretRef
from workflows.model.plan import Plan

HOOKED = "http://127.0.0.1:9/events"


def told(*names: str) -> KubeObject:
    alerts: list[JsonValue] = [
        {"name": name, "providerRef": {"name": name, "namespace": "ops"}} for name in names
    ]
    analysis: JsonValue = {"interval": "5s", "threshold": 2, "stepWeight": 50, "maxWeight": 50,
                           "alerts": alerts}  # fmt: skip
    return canary(analysis=analysis)


def provider(name: str, **spec: JsonValue) -> KubeObject:
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "AlertProvider",
        "metadata": {"name": name, "namespace": "ops"},
        "spec": {"type": "discord", "secretRef": {"name": "address"}, **spec},
    }


async def planned(scene: Scene) -> Plan:
    await scene.prepare()
    claim = (await scene.store.read(SLOT)).claim
    assert claim is not None
    return claim.plan


async def test_providers_and_policy_are_in_the_plan() -> None:
    mail: JsonValue = {"name": "mail", "type": "email", "secretRef": {"name": "mail"}}
    scene = Scene(told("chat"), deployment(), provider("chat"), policy(alerts=[mail]))
    chat, other = (await planned(scene)).alerts
    assert chat == AlertRoute(
        name="chat", kind=Channel.DISCORD, secret=SecretRef(namespace="ops", name="address"),
        channel="general", username="flagger",
    )  # fmt: skip
    assert (other.kind, other.secret) == (
        Channel.EMAIL, SecretRef(namespace="shop", name="mail")
    )  # fmt: skip


async def test_what_cannot_be_told_stops_no_release() -> None:
    bad = provider("bad", address="no address")
    gone, wrong = (await planned(Scene(told("gone", "bad"), deployment(), bad))).alerts
    assert "there is no AlertProvider ops/gone" in gone.problem
    assert "spec.address" in wrong.problem


async def test_events_go_to_the_webhook_of_the_installation() -> None:
    settings = replace(SETTINGS, event_webhook=HOOKED)
    (hook,) = (await planned(Scene(canary(), deployment(), settings=settings))).event_hooks
    assert hook.url == HOOKED


async def test_a_canary_that_tells_nobody_asks_for_no_provider() -> None:
    scene = Scene(canary(), deployment())
    assert (await planned(scene)).alerts == ()
    assert not [asked for asked in scene.kube.counts if "AlertProvider" in asked]
