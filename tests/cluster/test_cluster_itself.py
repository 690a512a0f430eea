"""The node and the control plane do what the tests on them take for granted."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import JsonValue

from activities.kube.objects import at, maps_at, text_at
from tests.cluster.asking import asked
from tests.cluster.objects import deployment, pod, service
from tests.cluster.rest import MERGE, Refused, Rest
from tests.cluster.session import Cluster, begin, cluster, launch, until


async def pods_in(cluster: Cluster, namespace: str) -> int:
    found = await cluster.rest.ask("GET", f"/api/v1/namespaces/{namespace}/pods")
    return len(maps_at(found, "items"))


async def test_a_service_is_balanced_over_the_ready_pods(cluster: Cluster) -> None:
    space = await cluster.namespace("balanced")
    await cluster.apply(deployment("shop", "pod", replicas=2), space)
    await cluster.apply(service("shop"), space)
    await cluster.ready("shop", space)
    found = await cluster.get("v1", "Service", "shop", space)
    assert found is not None
    url = f"http://{text_at(found, 'spec', 'clusterIP')}/"

    async def both() -> bool:
        return len(await asked(url, 20)) == 2

    await until(both, "both pods answer")


async def test_scaled_to_zero_no_pod_is_left(cluster: Cluster) -> None:
    space = await cluster.namespace("zero")
    await cluster.apply(deployment("shop", replicas=2), space)
    await cluster.ready("shop", space)
    await cluster.apply(deployment("shop", replicas=0), space)

    async def none_left() -> bool:
        return await pods_in(cluster, space) == 0

    await until(none_left, "the pods are gone")


async def test_pods_find_services_by_name_and_kubectl_shows_what_they_say(
    cluster: Cluster,
) -> None:
    space = await cluster.namespace("names")
    await cluster.apply(deployment("shop"), space)
    await cluster.apply(service("shop"), space)
    await cluster.ready("shop", space)
    ask = "until curl -sf http://shop.names/; do sleep 0.2; done; echo $WORD"
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    api = f"curl --cacert {account}/ca.crt -H @/dev/stdin https://kubernetes.default.svc/api"
    login = f"echo Authorization: Bearer $(cat {account}/token) | {api}"
    await cluster.apply(pod("asker", f"{ask}; {login}; cat /etc/told/deep/word"), space)

    async def succeeded() -> bool:
        found = await cluster.get("v1", "Pod", "asker", space)
        return found is not None and at(found, "status", "phase") == "Succeeded"

    await until(succeeded, "the asker has succeeded")
    log = await cluster.kubectl("logs", "-n", space, "asker")
    assert '"version":"v1"' in log
    assert "}mounted\n" in log
    assert '"kind": "APIVersions"' in log
    assert log.endswith("mounted")


async def test_a_daemon_set_runs_only_where_its_selector_matches(cluster: Cluster) -> None:
    space = await cluster.namespace("daemons")
    await cluster.apply(deployment("agent", kind="DaemonSet"), space)
    await cluster.ready("agent", space, "DaemonSet")
    assert await pods_in(cluster, space) == 1
    nowhere: JsonValue = {"nodeSelector": {"serinus.dev/nowhere": "true"}}
    changed: JsonValue = {"spec": {"template": {"spec": nowhere}}}
    path = await cluster.objects.path("apps/v1", "DaemonSet", space, "agent")
    await cluster.rest.ask("PATCH", path, changed, MERGE)

    async def nothing_runs() -> bool:
        return await pods_in(cluster, space) == 0

    await until(nothing_runs, "the daemon is gone")


async def test_a_crashed_container_is_started_again(cluster: Cluster) -> None:
    space = await cluster.namespace("crashes")
    await cluster.apply(deployment("shop"), space)
    await cluster.ready("shop", space)
    listed = await cluster.rest.ask("GET", f"/api/v1/namespaces/{space}/pods")
    name = text_at(maps_at(listed, "items")[0], "metadata", "name")
    await cluster.crash(name, space)

    async def restarted() -> bool:
        found = await cluster.get("v1", "Pod", name, space) or {}
        statuses = maps_at(found, "status", "containerStatuses")
        return any(at(each, "restartCount") == 1 and at(each, "ready") is True for each in statuses)

    await until(restarted, "the container runs again")


async def test_an_unknown_image_is_an_error_of_the_pod(cluster: Cluster) -> None:
    space = await cluster.namespace("unknown-image")
    await cluster.apply(deployment("shop").replace("shop:v1", "nothing:v1"), space)

    async def reported() -> bool:
        listed = await cluster.rest.ask("GET", f"/api/v1/namespaces/{space}/pods")
        return any(
            at(each, "state", "waiting", "reason") == "ErrImagePull"
            for found in maps_at(listed, "items")
            for each in maps_at(found, "status", "containerStatuses")
        )

    await until(reported, "the image is missed")


@pytest.mark.parametrize("component", ["apiserver", "etcd"])
async def test_a_killed_part_comes_back_with_everything(cluster: Cluster, component: str) -> None:
    space = await cluster.namespace(f"chaos-{component}")
    await cluster.apply(deployment("shop"), space)
    await cluster.ready("shop", space)
    await cluster.restart(component)
    await cluster.apply(deployment("shop", replicas=2), space)
    await cluster.ready("shop", space)


async def test_a_user_without_a_role_may_do_nothing(cluster: Cluster) -> None:
    facts = cluster.facts
    async with Rest(cluster.server, facts.tokens["nobody"], facts.certificate) as nobody:
        with pytest.raises(Refused, match="forbidden"):
            await nobody.ask("GET", "/api/v1/namespaces/default/pods")


def said(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def left_of(folder: Path) -> list[str]:
    """Whatever a session has left on the machine."""
    number = int(folder.name)
    links = [line for line in said("ip", "-o", "link") if f" serinus{number}@" in line]
    routes = [line for line in said("ip", "route") if f"10.{100 + number}." in line]
    processes = [line for line in said("ps", "-ewwo", "args") if str(folder) in line]
    return links + routes + processes


async def until_nothing_is_left(folder: Path) -> None:
    async def nothing() -> bool:
        return not left_of(folder)

    await until(nothing, "the kernel has ended everything")


async def test_nothing_is_left_of_a_cluster() -> None:
    async with cluster() as running:
        folder = running.facts.folder
        assert len(left_of(folder)) > 5
    assert not left_of(folder)
    assert not await asyncio.to_thread(folder.exists)


async def test_nothing_runs_on_when_the_keeper_is_killed() -> None:
    process, facts = await launch(begin(until_eof=True))
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    await until_nothing_is_left(facts.folder)


SESSION = """
import asyncio
from tests.cluster.session import cluster
async def hold():
    async with cluster() as running:
        print(running.facts.folder, flush=True)
        await asyncio.Event().wait()
asyncio.run(hold())
"""


async def test_nothing_is_left_when_the_test_session_is_killed() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SESSION),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    folder = Path((await process.stdout.readline()).decode().strip())
    assert len(left_of(folder)) > 5
    process.kill()
    await process.wait()
    await until_nothing_is_left(folder)
    assert not await asyncio.to_thread(folder.exists)
