"""The client, fenced writes, the store and snapshots against a real API server."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from activities.kube.api import Change
from activities.kube.client import KubeClient
from activities.kube.connect import open_cluster
from activities.kube.fenced import FencedApply, Owner, fence_of
from activities.kube.objects import KubeObject, Ref, at, maps_at, ref_of, text_at
from activities.kube.planning import KubePlanning
from activities.kube.reporter import Standing
from activities.kube.snapshots import Snapshots, snapshot_of
from activities.kube.sources import PlanningSettings
from activities.kube.store import KubeStore
from tests.cluster.session import Cluster, until
from workflows.errors import Reason, reason_of
from workflows.model.identity import Fence, Slot
from workflows.model.provider import Provider
from workflows.model.requests import LookRequest, PrepareRequest

HERE = "client-of-kube"
ONE = Ref("v1", "ConfigMap", "one", HERE)
MANIFEST: KubeObject = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "web", "namespace": HERE},
    "spec": {
        "suspend": True,  # so that no controller of a shared cluster takes it up
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "service": {"port": 80},
        "analysis": {"interval": "1m", "threshold": 2, "stepWeight": 50},
    },
}

DEPLOYMENT: KubeObject = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": HERE},
}

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
STATE = Ref("v1", "ConfigMap", "web-serinus", HERE)
SPEC: JsonValue = {
    "replicas": 0,
    "selector": {"matchLabels": {"app": "web"}},
    "template": {
        "metadata": {"labels": {"app": "web"}, "creationTimestamp": None},
        "spec": {"containers": [{"name": "web", "image": "busybox"}]},
    },
}


class Silent:
    """Tells nobody."""

    async def tell(self, slot: Slot, standing: Standing) -> None:
        """Nothing."""


def wanted(name: str = "one", **data: str) -> KubeObject:
    return {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": HERE}, "data": {**data}}  # fmt: skip


def fence(sequence: int) -> Fence:
    return Fence(run_id="run", generation=1, sequence=sequence)


@pytest.fixture(scope="module")
async def client(cluster: Cluster) -> AsyncGenerator[KubeClient]:
    await cluster.namespace(HERE)
    async with open_cluster(cluster.kubeconfig) as client:
        yield client


@pytest.fixture(autouse=True)
async def _clean(client: KubeClient) -> None:
    await client.delete(ONE)


async def test_a_field_that_is_stated_no_more_goes_even_after_the_first_apply(
    client: KubeClient,
) -> None:
    writes = FencedApply(client)
    await writes.apply(wanted(a="1", b="2"), fence(1))
    await client.merge(ONE, {"data": {"theirs": "x"}})
    after = await writes.apply(wanted(a="3"), fence(2))

    assert at(after, "data") == {"a": "3", "theirs": "x"}
    assert fence_of(after) == Fence(run_id="", generation=1, sequence=2)


async def test_a_precondition_is_kept(client: KubeClient) -> None:
    first = await client.apply(wanted(a="1"), resource_version="")
    with pytest.raises(ApplicationError) as there_already:
        await client.apply(wanted(a="2"), resource_version="")
    await client.apply(wanted(a="2"))
    version = text_at(first, "metadata", "resourceVersion")
    with pytest.raises(ApplicationError) as changed:
        await client.apply(wanted(a="3"), resource_version=version)

    assert [reason_of(each.value) for each in (there_already, changed)] == [Reason.CONFLICT] * 2
    assert text_at(await _there(client, ONE), "data", "a") == "2"


async def test_a_merge_and_a_replace_of_what_is_gone_conflict(client: KubeClient) -> None:
    made = await client.create(wanted(a="1"))
    await client.delete(ONE, uid=text_at(made, "metadata", "uid"))
    await client.delete(ONE)
    for write in (client.merge(ONE, {"data": {"a": "2"}}), client.replace(made)):
        with pytest.raises(ApplicationError) as gone:
            await write
        assert reason_of(gone.value) is Reason.CONFLICT
    assert await client.read(ONE) is None


async def test_refusals_of_a_real_server(client: KubeClient, cluster: Cluster) -> None:
    with pytest.raises(ApplicationError, match="apply Deployment client-of-kube/bad") as rejected:
        await client.apply(
            {**DEPLOYMENT, "metadata": {"name": "bad", "namespace": HERE}, "spec": {}}
        )
    with pytest.raises(ApplicationError) as no_namespace:
        await client.create({**wanted(), "metadata": {"name": "one", "namespace": "nowhere"}})
    with pytest.raises(ApplicationError) as not_installed:
        await client.read(Ref("example.org/v1", "Thing", "one", HERE))
    async with open_cluster(cluster.kubeconfig_of("nobody")) as nobody:
        with pytest.raises(
            ApplicationError, match="read ConfigMap client-of-kube/one"
        ) as forbidden:
            await nobody.read(ONE)

    assert reason_of(rejected.value) is Reason.OBJECT_REJECTED
    assert reason_of(no_namespace.value) is Reason.OBJECT_REJECTED
    assert reason_of(not_installed.value) is Reason.KIND_NOT_INSTALLED
    assert reason_of(forbidden.value) is Reason.CLUSTER_FORBIDDEN


async def test_a_watch_survives_a_killed_api_server(client: KubeClient, cluster: Cluster) -> None:
    async with aclosing(client.watch("v1", "ConfigMap", HERE)) as changes:
        async for seen in changes:
            if seen.change is Change.SYNCED:
                break
        await client.create(wanted(a="1"))
        assert (await anext(changes)).change is Change.ADDED
        await cluster.restart("apiserver")
        await client.merge(ONE, {"data": {"a": "2"}})
        async with asyncio.timeout(60):
            seen = await anext(changes)
    assert (seen.change, text_at(seen.obj, "data", "a")) == (Change.MODIFIED, "2")


async def test_a_slot_is_prepared_and_its_state_goes_with_its_canary(
    client: KubeClient, cluster: Cluster
) -> None:
    await _applied(cluster)
    store = KubeStore(client, "here")
    settings = PlanningSettings(default_provider=Provider.TRAEFIK)
    planning = KubePlanning(client, store, settings, Silent(), _gone)
    slot = Slot(cluster="here", namespace=HERE, name="web")
    request = PrepareRequest(slot=slot, fence=fence(1), workflow_id=slot.workflow_id)
    plan = (await planning.prepare(request)).plan
    async with store.write(slot, fence(2)) as edit:
        await edit.save(edit.state.promoted(plan.revision))
    with pytest.raises(ApplicationError) as overtaken:
        await planning.prepare(request)
    (orphan,) = (await planning.find_orphans()).orphans
    look = await planning.look(LookRequest(slot=slot))

    assert reason_of(overtaken.value) is Reason.FENCED
    assert (orphan.slot, orphan.plan) == (slot, plan)
    assert look.revision == look.promoted_revision == plan.revision
    assert await Snapshots(client).find(slot, plan.revision) is not None

    await client.delete(ref_of(MANIFEST))
    await client.delete(ref_of(DEPLOYMENT))
    # The collector hears of a kind that is new to the server every half minute.
    await until(lambda: _is_gone(client, STATE), "the state is collected", 90)
    await until(lambda: _without_snapshots(client), "the snapshots are collected", 90)


async def test_a_snapshot_is_kept_and_read(client: KubeClient) -> None:
    slot = Slot(cluster="here", namespace=HERE, name="kept")
    owner = Owner("v1", "Namespace", HERE, await _uid(client))
    snapshots = Snapshots(client)
    for replicas in (2, 2, 3):
        now: KubeObject = {**DEPLOYMENT, "spec": {"replicas": replicas, "note": "<é😀>", "n": None}}
        await snapshots.keep(slot, "s1-1", snapshot_of(now, {"configmap/a": "1"}), owner)
        await snapshots.mark_promoted(slot, "s1-1")
    kept = await snapshots.read(slot, "s1-1")
    listed = await client.list(
        "apps/v1", "ControllerRevision", HERE, labels="serinus.dev/canary=kept"
    )

    assert kept.target["spec"] == {"replicas": 3, "note": "<é😀>", "n": None}
    assert kept.configs == {"configmap/a": "1"}
    assert await snapshots.last_promoted(slot) == "s1-1"
    assert len(listed.items) == 1
    assert maps_at(listed.items[0], "metadata", "ownerReferences")


async def _there(client: KubeClient, ref: Ref) -> KubeObject:
    found = await client.read(ref)
    assert found is not None
    return found


async def _applied(cluster: Cluster) -> None:
    await cluster.apply((CRDS / "canaries.flagger.app.yaml").read_text())
    await cluster.apply([MANIFEST, {**DEPLOYMENT, "spec": SPEC}], HERE)


async def _gone(workflow_id: str, run_id: str) -> bool:
    return bool(workflow_id) and run_id == "running"


async def _is_gone(client: KubeClient, ref: Ref) -> bool:
    return await client.read(ref) is None


async def _without_snapshots(client: KubeClient) -> bool:
    listed = await client.list("apps/v1", "ControllerRevision", HERE, labels="serinus.dev/canary")
    return not [each for each in listed.items if owner_kind(each) == "Canary"]


def owner_kind(obj: KubeObject) -> str:
    return str(maps_at(obj, "metadata", "ownerReferences")[0]["kind"])


async def _uid(client: KubeClient) -> str:
    return text_at(await _there(client, Ref("v1", "Namespace", HERE)), "metadata", "uid")
