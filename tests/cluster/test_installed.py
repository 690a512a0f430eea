"""Serinus as it is installed: `kubectl apply -k`, then releases by those pods with their rights.

Nothing of Serinus runs beside the cluster here, and nobody in it has more rights than the roles of
deploy/kustomize give. What the pods asked of the API server is read in its audit log.
"""

import json
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import httpx
import pytest
import yaml
from pydantic import BaseModel, JsonValue

from activities.kube.objects import KubeObject, int_at, maps_at, text_at
from activities.kube.permissions import Program
from tests.cluster.control import AUDIT
from tests.cluster.scenes import shop
from tests.cluster.session import Cluster, ClusterFailed, cluster, until
from worker.stack.users import Seen, Users

pytestmark = pytest.mark.timeout(300)
DEPLOY = Path(__file__).parents[2] / "deploy"
SERINUS = "serinus"
SPACE = "team-a"
HOST = "shop.team-a"
RATE = 30.0
PARTS = {
    "serinus-worker": 2,
    "serinus-controller": 2,
    "serinus-loadtester": 1,
    "serinus-gateway": 1,
    "temporal": 1,
}
KEYS: JsonValue = {
    "name": "keys",
    "namespace": SERINUS,
    "literals": [f"{name}={token_hex(32)}" for name in ("seal", "session")],
}
ANALYSIS: dict[str, JsonValue] = {
    # Two scrapes are the least that a rate is made of.
    "interval": "3s",
    "threshold": 6,
    "stepWeights": [20, 50],
    "metrics": [{"name": "request-success-rate", "interval": "10s", "thresholdRange": {"min": 99}}],
    "webhooks": [
        {
            "name": "acceptance",
            "type": "pre-rollout",
            "url": "http://loadtester.serinus/",
            "timeout": "15s",
            "metadata": {"type": "bash", "cmd": f"hey -n 20 -c 2 http://shop-canary.{SPACE}/"},
        },
        {
            "name": "load",
            "url": "http://loadtester.serinus/",
            "metadata": {"cmd": f"hey -z 5s -q 5 -c 2 -host {HOST} http://traefik.traefik/"},
        },
    ],
}


class Call(BaseModel):
    """One request of a pod, as the audit log tells of it."""

    account: str
    verb: str
    group: str
    resource: str
    namespace: str
    code: int

    @property
    def right(self) -> tuple[str, str, str]:
        return self.group, self.resource, self.verb


@dataclass
class Installed:
    """A cluster in which Serinus was installed; `overlay` is what a team would keep in git."""

    cluster: Cluster
    overlay: Path

    def calls(self) -> Iterator[Call]:
        """Every request that the pods of Serinus made as themselves."""
        log = self.cluster.facts.folder / "logs" / AUDIT
        for line in log.read_text().splitlines():
            entry: KubeObject = json.loads(line)
            user = text_at(entry, "user", "username")
            resource = text_at(entry, "objectRef", "resource")
            if user.startswith(f"system:serviceaccount:{SERINUS}:") and resource:
                below = text_at(entry, "objectRef", "subresource")
                yield Call(
                    account=user.rpartition(":")[2],
                    verb=text_at(entry, "verb"),
                    group=text_at(entry, "objectRef", "apiGroup"),
                    resource=f"{resource}/{below}" if below else resource,
                    namespace=text_at(entry, "objectRef", "namespace"),
                    code=int_at(entry, "responseStatus", "code") or 0,
                )

    def refused(self) -> list[Call]:
        return [call for call in self.calls() if call.code in {401, 403}]

    async def apply(self, namespaces: str = "", **overlay: JsonValue) -> None:
        """What a person writes and does."""
        settings = {
            "SERINUS_INTERVAL_FLOOR": "1",
            "SERINUS_METRICS_SERVER": self.cluster.prometheus_url,
            "SERINUS_ROUTER_METRICS": f"{self.cluster.facts.traefik_url}/metrics",
        }
        written: dict[str, JsonValue] = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            **overlay,
        }
        change = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": SERINUS},
            "data": {**settings, "SERINUS_NAMESPACES": namespaces},
        }
        written["generatorOptions"] = {"disableNameSuffixHash": True}
        written["secretGenerator"] = [KEYS]
        written["patches"] = [{"patch": json.dumps(change)}]
        self.overlay.mkdir(exist_ok=True)
        (self.overlay / "kustomization.yaml").write_text(yaml.safe_dump(written))
        await self.cluster.kubectl("apply", "--server-side", "-k", str(self.overlay))

    async def pods(self) -> list[KubeObject]:
        """All of Serinus, with those on their way out."""
        listed = await self.cluster.rest.ask("GET", f"/api/v1/namespaces/{SERINUS}/pods")
        return list(maps_at(listed, "items"))

    async def serves(self) -> bool:
        """Whether every part has as many pods as it should, all ready, and no others."""
        pods = await self.pods()
        return Counter(map(part_of, pods)) == PARTS and all(map(is_ready, pods))

    async def count(self, metric: str) -> float:
        """A counter of all workers together."""
        total = 0.0
        async with httpx.AsyncClient(trust_env=False) as http:
            for pod in await self.pods():
                if part_of(pod) != "serinus-worker":
                    continue
                page = await http.get(f"http://{text_at(pod, 'status', 'podIP')}:8080/metrics")
                lines = [line for line in page.text.splitlines() if line.startswith(metric)]
                total += sum(float(line.rpartition(" ")[2]) for line in lines)
        return total


def part_of(pod: KubeObject) -> str:
    return text_at(pod, "metadata", "labels", "app.kubernetes.io/name")


def is_ready(pod: KubeObject) -> bool:
    return any(
        text_at(each, "type") == "Ready" and text_at(each, "status") == "True"
        for each in maps_at(pod, "status", "conditions")
    )


@pytest.fixture(scope="module", name="installed")
async def an_installation(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[Installed]:
    """A cluster of its own: a controller for all namespaces would see other tests' Canaries."""
    copy = tmp_path_factory.mktemp("installed") / "deploy"
    shutil.copytree(DEPLOY, copy)
    async with cluster() as fresh:
        made = Installed(fresh, copy / "kustomize" / "mine")
        await made.apply(resources=["../bundled-temporal"])
        await until(made.serves, "Serinus serves", 120)
        await fresh.namespace(SPACE)
        await fresh.apply([shop.deployment(SPACE, "v1"), shop.ingress_route(SPACE, HOST)], SPACE)
        await fresh.apply([shop.canary(SPACE, "traefik", ANALYSIS)], SPACE)
        await reached(fresh, "Initialized")
        yield made


async def answered_by_the_gateway(on: Cluster) -> int:
    """To a delivery that no Trigger is for: it has to look for one."""
    service = await on.get("v1", "Service", "gateway", SERINUS)
    url = f"http://{text_at(service or {}, 'spec', 'clusterIP')}/hooks/flux/nobody"
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(url, content=b"{}", headers={"host": "gateway.serinus"})
    return answer.status_code


async def test_releases_run_in_the_pods_with_their_rights_alone(installed: Installed) -> None:
    made = installed.cluster
    good = await released(made, "v2", "Succeeded")
    assert good.sent > 0
    assert not good.failures
    bad = await released(made, "v3", "Failed", error_rate="0.5")
    assert bad.failed < bad.sent / 4
    assert await image_of(made, "shop-primary") == "shop:v2"
    assert await answered_by_the_gateway(made) == 404
    assert installed.refused() == []
    assert {call.account for call in installed.calls()} == {f"serinus-{each}" for each in Program}
    assert await installed.count("flagger_canary_successes_total") == 1
    assert await installed.count("flagger_canary_failures_total") == 1


async def test_a_namespace_can_be_all_that_serinus_may_enter(installed: Installed) -> None:
    rights = installed.overlay / SPACE
    rights.mkdir()
    base = "../../namespaced/rights"
    (rights / "kustomization.yaml").write_text(f"namespace: {SPACE}\nresources: [{base}]\n")
    await installed.apply(
        SPACE, resources=["../bundled-temporal", SPACE], components=["../namespaced"]
    )
    kubectl = installed.cluster.kubectl
    await kubectl("rollout", "restart", "-n", SERINUS, "deployment/worker", "deployment/controller")
    for part in ("worker", "controller"):
        await kubectl("rollout", "status", "-n", SERINUS, f"deployment/{part}", "--timeout=90s")
    await until(installed.serves, "Serinus serves again, without its former pods", 60)
    everywhere = ("serinus-worker", "serinus-controller")
    await kubectl("delete", "clusterrole,clusterrolebinding", *everywhere)
    before = len(list(installed.calls()))
    good = await released(installed.cluster, "v4", "Succeeded")
    assert good.sent > 0
    assert not good.failures
    assert installed.refused() == []
    since = list(installed.calls())[before:]
    assert {call.namespace for call in since} == {SPACE}


async def released(made: Cluster, version: str, end: str, error_rate: str = "0") -> Seen:
    """What users met between a new version and the end of its rollout."""
    async with Users(made.ingress_url, HOST, RATE) as users:
        await until(lambda: sent(users), "users have come", 10)
        await made.apply([shop.deployment(SPACE, version, ERROR_RATE=error_rate)], SPACE)
        await reached(made, end)
        return users.seen()


async def reached(made: Cluster, phase: str) -> None:
    """Wait for a phase; without it, say what the Canary went through."""

    async def is_there() -> bool:
        canary = await made.get("flagger.app/v1beta1", "Canary", "shop", SPACE)
        return text_at(canary or {}, "status", "phase") == phase

    try:
        await until(is_there, f"the Canary is {phase}", 90)
    except ClusterFailed as error:
        events = await made.kubectl("events", "-n", SPACE, "--for", "canary/shop")
        raise ClusterFailed(f"{error}\n{events}") from error


async def sent(users: Users) -> bool:
    return users.sent > RATE


async def image_of(made: Cluster, name: str) -> str:
    found = await made.get("apps/v1", "Deployment", name, SPACE) or {}
    return text_at(maps_at(found, "spec", "template", "spec", "containers")[0], "image")
