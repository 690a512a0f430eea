"""The controller and its reports against a real API server; a list stands for Temporal."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import yaml
from pydantic import JsonValue

from activities.kube.api import KubeApi
from activities.kube.client import KubeClient
from activities.kube.connect import open_cluster
from activities.kube.objects import KubeObject, Ref, maps_at, text_at
from activities.kube.reporter import Standing
from activities.reporting.reporter import KubeReporter
from tests.cluster.session import Cluster, until
from tests.unit.controller.scenes import Json, a_canary, condition
from worker.applying import Trigger
from worker.controller.running import Controller, running
from worker.controller.settings import ClusterSettings
from workflows.model.identity import Slot
from workflows.model.requests import Action
from workflows.model.revision import target_revision
from workflows.model.status import Phase, Verb

CRDS = Path(__file__).parents[2] / "deploy" / "crds"


def fresh(name: str) -> str:
    """A namespace that nothing was left in; clusters may outlive a session."""
    return f"{name}-{token_hex(3)}"


def deployment(name: str, namespace: str, image: str = "shop:1") -> Json:
    """As a user writes it: no default is said, quantities are not as a server writes them."""
    container: Json = {
        "name": "shop",
        "image": image,
        "ports": [{"containerPort": 8080}],
        "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "envFrom": [{"configMapRef": {"name": "settings"}}],
        "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}},
        "readinessProbe": {"httpGet": {"port": 8080}},
        "lifecycle": {"preStop": {"httpGet": {"port": 8080, "path": "/"}}},
    }
    labels: Json = {"app": name}
    pod: Json = {
        "containers": [container],
        "volumes": [
            {"name": "empty", "emptyDir": {}},
            {"name": "settings", "configMap": {"name": "settings"}},
            {"name": "all", "projected": {"sources": [{"configMap": {"name": "settings"}}]}},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def settings_map(namespace: str, value: str) -> Json:
    metadata: Json = {"name": "settings", "namespace": namespace}
    data: Json = {"VALUE": value}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@dataclass
class Rollouts:
    """Each trigger is a release that planning tells of and that is promoted at once."""

    api: KubeApi
    sent: list[Trigger] = field(default_factory=list[Trigger])

    async def order(self, slot: Slot, verb: Verb) -> None:
        raise AssertionError(f"{verb} {slot.key}: nothing is suspended here")

    async def submit(self, trigger: Trigger) -> None:
        self.sent.append(trigger)
        told = KubeReporter(self.api)
        if trigger.action is Action.REVERT:
            await told.tell(trigger.slot, Standing(phase=Phase.TERMINATED))
            return
        revision = trigger.revision
        await told.tell(trigger.slot, Standing(phase=Phase.PROGRESSING, last_applied=revision))
        await told.tell(trigger.slot, Standing(phase=Phase.SUCCEEDED, last_promoted=revision))


@asynccontextmanager
async def controlled(
    cluster: Cluster, namespace: str
) -> AsyncGenerator[tuple[Rollouts, Controller, KubeClient]]:
    await cluster.apply([yaml.safe_load(path.read_text()) for path in CRDS.glob("*.*.yaml")])
    await cluster.namespace(namespace)
    await cluster.apply(settings_map(namespace, "1"))
    settings = ClusterSettings(namespaces=(namespace,))
    async with open_cluster(cluster.kubeconfig) as api:
        rollouts = Rollouts(api)
        async with running(api, rollouts, "test", settings) as controller:
            yield rollouts, controller, api


async def sent(rollouts: Rollouts, count: int) -> None:
    async def so_many() -> bool:
        return len(rollouts.sent) >= count

    await until(so_many, f"{count} triggers", 20)
    assert len(rollouts.sent) == count


async def live(cluster: Cluster, kind: str, name: str, namespace: str) -> KubeObject | None:
    api_version = "apps/v1" if kind == "Deployment" else "flagger.app/v1beta1"
    return await cluster.get(api_version, kind, name, namespace)


async def becomes(
    cluster: Cluster, namespace: str, holds: Callable[[KubeObject | None], bool], what: str
) -> None:
    async def so() -> bool:
        return holds(await live(cluster, "Canary", "web", namespace))

    await until(so, what, 20)


async def test_a_manifest_has_one_revision_however_it_was_applied(
    cluster: Cluster, tmp_path: Path
) -> None:
    space = await cluster.namespace(fresh("controller-revisions"))
    written = deployment("served", space)
    await cluster.apply(written)
    by_client = tmp_path / "client.yaml"
    by_client.write_text(yaml.safe_dump(deployment("client", space)))
    await cluster.kubectl("apply", "-f", str(by_client))
    created = tmp_path / "created.yaml"
    created.write_text(yaml.safe_dump(deployment("created", space)))
    await cluster.kubectl("create", "-f", str(created))
    for name in ("served", "client", "created"):
        found = await live(cluster, "Deployment", name, space)
        assert found is not None
        assert target_revision(found, {}) == target_revision(deployment(name, space), {}), name
    before = target_revision(written, {})
    await cluster.kubectl("-n", space, "rollout", "restart", "deployment/served")
    restarted = await live(cluster, "Deployment", "served", space)
    assert restarted is not None
    assert target_revision(restarted, {}) != before


async def test_what_users_do_with_kubectl_is_sent_once_or_not_at_all(cluster: Cluster) -> None:
    space = fresh("controller-users")
    async with controlled(cluster, space) as (rollouts, _, _):
        await cluster.apply(deployment("web", space))
        await cluster.apply(a_canary("web", namespace=space, metadata={"uid": None}))
        await sent(rollouts, 1)
        await cluster.kubectl("-n", space, "rollout", "restart", "deployment/web")
        await sent(rollouts, 2)
        await cluster.kubectl("-n", space, "label", "deployment/web", "seen=yes")
        await cluster.kubectl("-n", space, "annotate", "canary/web", "seen=yes")
        await cluster.apply(deployment("web", space, image="shop:2"))
        await sent(rollouts, 3)
        await cluster.apply(settings_map(space, "2"))
        await sent(rollouts, 4)
        await cluster.kubectl("-n", space, "delete", "canary/web", "--timeout=20s")
        await sent(rollouts, 5)
        assert rollouts.sent[-1].action is Action.REVERT
    slot = Slot(cluster="test", namespace=space, name="web")
    assert all(trigger.slot == slot for trigger in rollouts.sent)


async def test_a_status_is_what_kubectl_waits_for(cluster: Cluster) -> None:
    space = fresh("controller-status")
    async with controlled(cluster, space) as (rollouts, _, api):
        await cluster.apply(deployment("web", space))
        await cluster.apply(a_canary("web", namespace=space, metadata={"uid": None}))
        await sent(rollouts, 1)
        wait = ("wait", "canary/web", "--timeout=20s")
        await cluster.kubectl("-n", space, *wait, "--for=condition=promoted")
        await cluster.kubectl("-n", space, *wait, "--for=condition=ready")
        slot = rollouts.sent[0].slot
        for phase in Phase:
            if phase is not Phase.TERMINATED:
                await KubeReporter(api).tell(slot, Standing(phase=phase, canary_weight=10))
                found = await live(cluster, "Canary", "web", space)
                assert found is not None
                assert condition(found, "Promoted")["reason"] == phase.value
        listed = await api.list("events.k8s.io/v1", "Event", space)
        reasons = {text_at(each, "reason") for each in listed.items}
        assert {"RolloutStarted", "Promoted", "RolledBack"} <= reasons


async def test_an_invalid_canary_says_so_in_the_cluster(cluster: Cluster) -> None:
    space = fresh("controller-invalid")
    checks: JsonValue = [{"name": "own", "templateRef": {"name": "nowhere"}, "interval": "1m",
                          "thresholdRange": {"max": 1}}]  # fmt: skip
    async with controlled(cluster, space) as (rollouts, _, _):
        await cluster.apply(deployment("web", space))
        wrong = a_canary(
            "web", namespace=space, metadata={"uid": None}, analysis={"metrics": checks}
        )
        await cluster.apply(wrong)
        await becomes(
            cluster,
            space,
            lambda found: (
                found is not None and condition(found, "Stalled").get("reason") == "InvalidManifest"
            ),
            "the refusal stands in the status",
        )
        found = await live(cluster, "Canary", "web", space)
        assert found is not None
        assert "nowhere" in str(condition(found, "Ready")["message"])
        assert rollouts.sent == []
        assert not maps_at(found, "metadata", "finalizers")
        await cluster.delete("flagger.app/v1beta1", "Canary", "web", space)
        await becomes(cluster, space, lambda found: found is None, "it goes at once")


async def test_an_idle_canary_costs_nothing_but_its_watches(
    cluster: Cluster,
) -> None:
    space = fresh("controller-idle")
    async with controlled(cluster, space) as (rollouts, controller, api):
        await cluster.apply(deployment("web", space))
        await cluster.apply(a_canary("web", namespace=space, metadata={"uid": None}))
        await sent(rollouts, 1)
        await controller.queue.until_quiet()
        before = dict(api.requests)
        await cluster.kubectl("-n", space, "scale", "deployment/web", "--replicas=0")
        await cluster.kubectl("-n", space, "label", "deployment/web", "seen=again")
        await cluster.apply(deployment("other", space, image="shop:7"))
        await controller.queue.until_quiet()
        assert dict(api.requests) == before
        ref = Ref("apps/v1", "Deployment", "web", space)
        assert await api.read(ref) is not None
        await cluster.delete("apps/v1", "Deployment", "other", space)
        await cluster.apply(deployment("web", space, image="shop:3"))
        await sent(rollouts, 2)
