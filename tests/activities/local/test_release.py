"""A release on real processes behind a real proxy."""

import asyncio
import contextlib

import psutil
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.local.proxy import PROGRAM
from tests.activities.local.conftest import Target
from tests.activities.local.users import constant_users
from tests.activities.local.waiting import until
from workflows.errors import Reason
from workflows.model.plan import ALL_PRIMARY


async def test_a_good_release_loses_no_request(target: Target) -> None:
    """The service dies at once when asked to, its requests take a second, its start two."""
    v1 = target.revision("v1", replicas=2, drain="1500ms")
    v2 = target.revision("v2", replicas=2, drain="1500ms", START_AFTER="2")
    await target.adopt(v1)
    users_url = target.platform.proxy.users_url
    async with (
        constant_users(users_url, target.host) as users,
        constant_users(users_url, target.host, path="/slow") as slow_users,
    ):
        await target.start(v2)
        await target.route(50)
        await target.promote(v2)
        await target.route(0)
        await target.stop()

    assert users.failures == []
    assert slow_users.failures == []
    assert users.answers.keys() == slow_users.answers.keys() == {"v1", "v2"}
    assert await target.ask(4) == ["v2"] * 4
    assert await target.running() == {f"primary.{v2}"}
    state = await target.platform.store.read(target.slot)
    assert (state.promoted_revision, state.previous_revision) == (v2, v1)


async def test_the_old_primary_stays_until_the_proxy_has_left_it(target: Target) -> None:
    v1, v2 = target.revision("v1"), target.revision("v2")
    await target.adopt(v1)
    proxy = psutil.Process((await target.platform.supervisor.states())[PROGRAM].pid)
    proxy.suspend()
    try:
        promotion = asyncio.create_task(target.promote(v2))

        async def taken_over() -> bool:
            primary = (await target.platform.store.read(target.slot)).primary
            return primary is not None and primary.revision == v2

        await until(taken_over)
        await asyncio.sleep(0.8)  # longer than the drain
        assert await target.running() == {f"primary.{v1}", f"primary.{v2}"}
    finally:
        proxy.resume()
    await promotion
    assert await target.running() == {f"primary.{v2}"}


async def test_a_canary_without_a_share_meets_no_user(target: Target) -> None:
    v1, v2 = target.revision("v1"), target.revision("v2")
    await target.adopt(v1)
    await target.start(v2)

    assert set(await target.ask(50)) == {"v1"}


@pytest.mark.parametrize("canary", [10, 50, 90])
async def test_users_are_shared_out_by_weight(target: Target, canary: int) -> None:
    v1, v2 = target.revision("v1"), target.revision("v2")
    await target.adopt(v1)
    await target.start(v2)
    await target.route(canary)

    answers = await target.ask(200)

    assert abs(answers.count("v2") - 2 * canary) <= 2


async def test_a_promotion_is_done_once(target: Target) -> None:
    v1, v2 = target.revision("v1"), target.revision("v2")
    await target.adopt(v1)
    await target.promote(v2)
    before = await target.platform.store.read(target.slot)
    await target.promote(v2)
    after = await target.platform.store.read(target.slot)

    assert after.primary == before.primary
    assert (after.promoted_revision, after.previous_revision) == (v2, v1)


async def test_a_first_copy_that_never_gets_ready_is_not_left_behind(target: Target) -> None:
    target.deadline = 1.5
    with pytest.raises(ApplicationError, match="0 of 1 primary processes") as refused:
        await target.adopt(target.revision("v1", UNREADY="yes"))

    assert refused.value.type == Reason.PROGRESS_DEADLINE
    assert refused.value.non_retryable
    assert await target.running() == set()
    # A restore of such a run has nothing to route and must not fail.
    await target.route(0)
    await target.stop()


async def test_a_promotion_that_does_not_get_ready_leaves_the_old_primary(target: Target) -> None:
    v1, v2 = target.revision("v1"), target.revision("v2", UNREADY="yes")
    await target.adopt(v1)
    target.deadline = 1.5
    async with constant_users(target.platform.proxy.users_url, target.host) as users:
        with pytest.raises(ApplicationError) as refused:
            await target.promote(v2)

    assert refused.value.type == Reason.PROGRESS_DEADLINE
    assert users.failures == []
    assert users.answers.keys() == {"v1"}
    assert await target.running() == {f"primary.{v1}"}


async def test_a_cancelled_promotion_leaves_the_old_primary(target: Target) -> None:
    v1, v2 = target.revision("v1"), target.revision("v2", UNREADY="yes")
    await target.adopt(v1)
    attempt = ActivityEnvironment()
    task = asyncio.ensure_future(
        attempt.run(target.platform.workload().promote, target.promote_request(v2))
    )
    while f"primary.{v2}" not in await target.running():
        pass
    attempt.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()

    assert await target.running() == {f"primary.{v1}"}
    assert await target.ask(5) == ["v1"] * 5


async def test_a_promotion_goes_on_where_a_lost_worker_stopped(target: Target) -> None:
    v1, v2 = target.revision("v1"), target.revision("v2")
    await target.adopt(v1)
    attempt = ActivityEnvironment()
    task = asyncio.ensure_future(
        attempt.run(target.platform.workload().promote, target.promote_request(v2))
    )
    while f"primary.{v2}" not in await target.running():
        pass
    attempt.worker_shutdown()
    with pytest.raises(ApplicationError) as handed_over:
        await task
    assert handed_over.value.type == Reason.WORKER_SHUTDOWN
    half_done = await target.platform.store.read(target.slot)

    await target.promote(v2)

    done = await target.platform.store.read(target.slot)
    assert half_done.incoming is not None
    assert done.primary == half_done.incoming
    assert await target.running() == {f"primary.{v2}"}


async def test_the_only_serving_copy_is_never_stopped(target: Target) -> None:
    v1, v2 = target.revision("v1"), target.revision("v2")
    await target.adopt(v1)
    await target.start(v2)
    primary = (await target.platform.store.read(target.slot)).primary
    assert primary is not None
    await target.platform.supervisor.stop(primary.programs(target.slot))

    with pytest.raises(ApplicationError) as refused:
        await target.stop()

    assert refused.value.type == Reason.PRIMARY_NOT_READY
    assert not refused.value.non_retryable
    assert await target.running() == {f"canary.{v2}"}


async def test_a_newer_canary_takes_the_place_of_the_one_before(target: Target) -> None:
    v1, v2, v3 = target.revision("v1"), target.revision("v2"), target.revision("v3")
    await target.adopt(v1)
    await target.start(v2)
    await target.route(50)
    async with constant_users(target.platform.proxy.users_url, target.host) as users:
        await target.start(v3)

    assert users.failures == []
    assert await target.running() == {f"primary.{v1}", f"canary.{v3}"}
    state = await target.platform.store.read(target.slot)
    assert state.routes == ALL_PRIMARY


async def test_a_canary_that_crashes_again_and_again_is_not_ready(target: Target) -> None:
    await target.adopt(target.revision("v1"))
    target.deadline = 4.0
    with pytest.raises(ApplicationError) as refused:
        await target.start(target.revision("v2", CRASH_AFTER="0.05"))

    assert refused.value.type == Reason.PROGRESS_DEADLINE
    canary = (await target.platform.store.read(target.slot)).canary
    assert canary is not None
    assert await target.platform.readiness.ready_count(target.slot, canary) == 0


async def test_a_canary_that_crashes_every_few_seconds_is_not_ready_in_between(
    target: Target,
) -> None:
    await target.adopt(target.revision("v1"))
    await target.start(target.revision("v2", CRASH_AFTER="3"))
    canary = (await target.platform.store.read(target.slot)).canary
    assert canary is not None
    (name,) = canary.programs(target.slot)
    started = (await target.platform.supervisor.states())[name].start
    counts: list[int] = []

    async def restarted_twice() -> bool:
        state = (await target.platform.supervisor.states())[name]
        if state.start > started:
            counts.append(await target.platform.readiness.ready_count(target.slot, canary))
        return state.start > started + 5

    await until(restarted_twice)
    assert len(counts) > 10
    assert set(counts) == {0}


async def test_a_primary_that_crashed_is_started_again(target: Target) -> None:
    v1 = target.revision("v1")
    await target.adopt(v1)
    primary = (await target.platform.store.read(target.slot)).primary
    assert primary is not None
    (name,) = primary.programs(target.slot)
    before = (await target.platform.supervisor.states())[name].pid
    psutil.Process(before).kill()

    async def back() -> bool:
        ready = await target.platform.readiness.ready_count(target.slot, primary)
        return ready == 1 and (await target.platform.supervisor.states())[name].pid != before

    await until(back)
    assert await target.ask(1) == ["v1"]
