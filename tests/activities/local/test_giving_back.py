"""Traffic given back without Temporal, targets given back to their owners, disks that are full."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import psutil
import pytest
from temporalio.exceptions import ApplicationError

from activities.claims import Claim
from activities.local.reset import reset
from activities.manifests import load
from tests.activities.local.conftest import Target, new_platform, processes_of, run
from tests.activities.local.small_disk import fill, small_file_system
from tests.activities.local.test_planning import CANARY, PROCESS
from tests.activities.local.users import constant_users
from tests.activities.local.waiting import until
from tests.builders import a_plan
from workflows.errors import Reason
from workflows.model.canary import Canary
from workflows.model.identity import Slot
from workflows.model.plan import ALL_PRIMARY, PlanKind
from workflows.model.process import Process
from workflows.model.requests import ReleaseTarget


async def released(target: Target) -> tuple[str, str]:
    v1, v2 = target.revision("v1"), target.revision("v2")
    await target.adopt(v1)
    await target.start(v2)
    await target.route(50)
    return v1, v2


async def release(target: Target) -> None:
    request = ReleaseTarget(slot=target.slot, fence=target.fence(), revision="any")
    await run(target.platform.workload().release, request)


async def test_reset_gives_all_traffic_to_the_primary(target: Target) -> None:
    v1, _ = await released(target)
    late = target.routes_request(50)
    async with constant_users(target.platform.proxy.users_url, target.host) as users:
        await reset(target.platform, target.slot)

    assert users.failures == []
    assert await target.ask(10) == ["v1"] * 10
    assert await target.running() == {f"primary.{v1}"}
    with pytest.raises(ApplicationError) as refused:
        await target.ensure(late)
    assert refused.value.type == Reason.FENCED
    target.generation = (await target.platform.store.read(target.slot)).fence.generation + 1


async def test_reset_repairs_what_the_proxy_serves(target: Target) -> None:
    await released(target)
    await target.route(0)
    path = target.platform.home.proxy / "dynamic" / f"default.{target.slot.name}.yaml"
    path.write_text("")
    await reset(target.platform, target.slot)

    assert await target.ask(10) == ["v1"] * 10
    target.generation = (await target.platform.store.read(target.slot)).fence.generation + 1


async def test_reset_says_when_there_is_nothing_to_give_back_to(target: Target) -> None:
    with pytest.raises(ApplicationError, match="no primary") as refused:
        await reset(target.platform, target.slot)
    assert refused.value.type == Reason.TARGET_NOT_FOUND


async def test_a_target_without_its_canary_manifest_serves_on(target: Target) -> None:
    v1, _ = await released(target)
    name = target.slot.name
    for text in (PROCESS, CANARY):
        target.platform.manifests.apply(load(text.replace("name: shop}", f"name: {name}}}"))[0])
    await release(target)
    await release(target)

    assert target.platform.manifests.get(Canary, "default", name) is None
    assert await target.running() == {f"primary.{v1}"}
    assert await target.ask(5) == ["v1"] * 5


async def test_a_process_that_never_had_a_canary_goes_altogether(target: Target) -> None:
    await target.adopt(target.revision("v1"))
    name = target.slot.name
    target.platform.manifests.apply(load(PROCESS.replace("shop-processes", name))[0])
    plan = a_plan(kind=PlanKind.REVERT)
    async with target.platform.store.write(target.slot, target.fence()) as edit:
        claim = Claim(workflow_id="w", run_id="run", plan=plan, plain=True)
        await edit.save(edit.state.but(claim=claim))
    await release(target)

    assert target.platform.manifests.get(Process, "default", name) is None
    assert await target.running() == set()
    assert await target.ask(1) == ["404"]


@pytest.fixture
async def small(tmp_path: Path, loopback: httpx.AsyncClient) -> AsyncGenerator[Target]:
    """A platform of its own on a file system of three megabytes."""
    with small_file_system(tmp_path, "3m") as folder:
        platform = new_platform(folder, loopback)
        try:
            await platform.start()
            yield Target(platform, Slot(name="shop"))
        finally:
            await platform.supervisor.shut_down()
        assert processes_of(platform.home) == []


async def test_on_a_full_disk_traffic_can_be_taken_back_but_not_moved(small: Target) -> None:
    v1, v2 = await released(small)
    filler = fill(small.platform.home)

    with pytest.raises(ApplicationError) as refused:
        await small.route(90)
    assert refused.value.type == Reason.STORAGE_FULL
    async with constant_users(small.platform.proxy.users_url, small.host) as users:
        await small.route(0)
        await small.stop()

    assert users.failures == []
    assert await small.ask(10) == ["v1"] * 10
    assert await small.running() == {f"primary.{v1}"}
    filler.unlink()
    await small.start(v2)
    assert small.platform.home.reserve.exists()
    assert (await small.platform.store.read(small.slot)).routes == ALL_PRIMARY


async def test_all_comes_back_after_a_killed_supervisor(small: Target) -> None:
    v1, _ = await released(small)
    supervisor = small.platform.supervisor
    pid = await supervisor.process_id()
    assert pid is not None
    psutil.Process(pid).kill()
    await small.platform.start()
    primary = (await small.platform.store.read(small.slot)).primary
    assert primary is not None

    async def ready() -> bool:
        return await small.platform.readiness.ready_count(small.slot, primary) == 1

    await until(ready)
    assert len([line for line in processes_of(small.platform.home) if "traefik" in line]) == 1
    await small.route(0)
    await small.stop()
    assert await small.ask(5) == ["v1"] * 5
    assert await small.running() == {f"primary.{v1}"}
