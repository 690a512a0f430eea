"""Routes on a real proxy: who goes where, and what happens when somebody interferes."""

import asyncio

import httpx
import psutil
import pytest
from temporalio.exceptions import ApplicationError

from activities.local.proxy import PROGRAM
from activities.routing.traefik_file import routes_of
from tests.activities.local.conftest import Target
from tests.activities.local.users import constant_users
from tests.activities.local.waiting import until
from workflows.errors import Reason
from workflows.model.plan import RequestMatch, Routes, StringMatch

BETA = RequestMatch(headers={"x-beta": StringMatch(exact="yes")})
INSIDER = RequestMatch(headers={"cookie": StringMatch(regex=r"^(.*?;)?(canary=always)(;.*)?$")})
PREVIEW = RequestMatch(query_params={"preview": StringMatch(exact="1")})


async def released(target: Target) -> None:
    """A primary at v1 and a canary at v2 that is ready."""
    await target.adopt(target.revision("v1"))
    await target.start(target.revision("v2"))


async def proxy_process(target: Target) -> psutil.Process:
    return psutil.Process((await target.platform.supervisor.states())[PROGRAM].pid)


async def test_matched_users_meet_the_canary_and_nobody_else_does(target: Target) -> None:
    target.match = (BETA, INSIDER, PREVIEW)
    await released(target)
    await target.route(100)

    assert await target.ask(3, {"X-Beta": "yes"}) == ["v2"] * 3
    assert await target.ask(3, {"Cookie": "a=b;canary=always;c=d"}) == ["v2"] * 3
    assert await target.ask(3, path="/?preview=1") == ["v2"] * 3
    assert await target.ask(3, {"X-Beta": "yes please"}) == ["v1"] * 3
    assert await target.ask(3, {"Cookie": "canary=alwayss"}) == ["v1"] * 3
    assert await target.ask(3, path="/?preview=2") == ["v1"] * 3


async def test_matched_users_come_back_with_the_restore(target: Target) -> None:
    target.match = (BETA,)
    await released(target)
    await target.route(100)
    await target.route(0)

    assert await target.ask(3, {"X-Beta": "yes"}) == ["v1"] * 3


async def test_a_match_that_the_proxy_refuses_is_told_and_harms_nobody(target: Target) -> None:
    target.match = (RequestMatch(headers={"x-beta": StringMatch(regex="(((")}),)
    await released(target)
    with pytest.raises(ApplicationError, match="missing closing") as refused:
        await target.route(100)

    assert refused.value.type == Reason.ROUTE_REJECTED
    assert refused.value.non_retryable
    assert await target.ask(3, {"X-Beta": "((("}) == ["v1"] * 3
    await target.route(0)


@pytest.mark.parametrize(("percent", "least", "most"), [(100, 40, 40), (50, 15, 25)])
async def test_mirrored_requests_reach_the_canary_and_users_see_the_primary(
    target: Target, percent: int, least: int, most: int
) -> None:
    target.mirror_percent = percent
    await target.adopt(target.revision("v1"))
    await target.start(target.revision("v2", FAILING="yes"))
    await target.route(0, mirrored=True)

    assert await target.ask(40) == ["v1"] * 40
    canary = (await target.platform.store.read(target.slot)).canary
    assert canary is not None
    async with httpx.AsyncClient(trust_env=False) as http:

        async def served() -> int:
            return int((await http.get(f"http://127.0.0.1:{canary.ports[0]}/served")).text)

        async def enough() -> bool:
            return await served() >= least

        await until(enough)
        assert await served() <= most


async def test_errors_of_the_canary_are_not_hidden(target: Target) -> None:
    await target.adopt(target.revision("v1"))
    await target.start(target.revision("v2", FAILING="yes"))
    await target.route(50)

    assert (await target.ask(20)).count("500") == 10


async def test_routes_that_stand_are_left_alone(target: Target) -> None:
    await released(target)
    first = await target.route(30)
    second = await target.route(30)

    assert (first.changed, first.drifted) == (True, False)
    assert (second.changed, second.drifted) == (False, False)


@pytest.mark.parametrize("harm", ["weight: 90", "", "no: [yaml"])
async def test_a_file_that_somebody_changed_is_put_right(target: Target, harm: str) -> None:
    await released(target)
    await target.route(30)
    path = target.platform.home.proxy / "dynamic" / f"default.{target.slot.name}.yaml"
    text = path.read_text()
    path.write_text(text.replace("weight: 30", harm) if harm.startswith("weight") else harm)

    ensured = await target.route(30)

    assert (ensured.changed, ensured.drifted) == (True, True)
    assert "weight: 30" in path.read_text()
    assert (await target.ask(100)).count("v2") == 30


async def test_a_file_that_somebody_removed_comes_back(target: Target) -> None:
    await released(target)
    await target.route(30)
    (target.platform.home.proxy / "dynamic" / f"default.{target.slot.name}.yaml").unlink()

    assert (await target.route(30)).drifted
    assert (await target.ask(100)).count("v2") == 30


async def test_routes_that_the_proxy_does_not_serve_are_written_again(target: Target) -> None:
    """As after an event of the file system that was lost: the file is right, the proxy is not."""
    await released(target)
    await target.route(30)
    path = target.platform.home.proxy / "dynamic" / f"default.{target.slot.name}.yaml"
    text = path.read_text()
    process = await proxy_process(target)
    path.write_text(text.replace("weight: 30", "weight: 90"))
    async with asyncio.timeout(5):
        while (await target.ask(20)).count("v2") < 8:
            pass
    process.suspend()
    # What happens while it is suspended is one burst of events, of which it takes the last.
    path.write_text(text)
    process.resume()

    await target.route(30)

    assert (await target.ask(100)).count("v2") == 30


async def test_a_killed_proxy_comes_back_with_the_same_routes(target: Target) -> None:
    await released(target)
    await target.route(30)
    before = await proxy_process(target)
    before.kill()

    ensured = await target.route(30)

    assert not ensured.drifted
    assert (await proxy_process(target)).pid != before.pid
    assert (await target.ask(100)).count("v2") == 30


async def test_routes_change_while_the_proxy_is_being_killed(target: Target) -> None:
    await released(target)
    await target.route(50)
    (await proxy_process(target)).kill()
    await target.route(0)

    assert await target.ask(10) == ["v1"] * 10


async def test_a_late_write_is_refused(target: Target) -> None:
    await released(target)
    late = target.routes_request(50)
    await target.route(0)

    with pytest.raises(ApplicationError, match="newer write") as refused:
        await target.ensure(late)

    assert refused.value.type == Reason.FENCED
    assert refused.value.non_retryable
    file = await target.platform.traffic.file(target.slot)
    assert file is not None
    assert routes_of(file) == Routes(primary=100, canary=0)


async def test_a_write_that_waits_ends_when_it_is_overtaken(target: Target) -> None:
    await released(target)
    process = await proxy_process(target)
    process.suspend()
    try:
        waiting = asyncio.create_task(target.route(50))

        async def is_written() -> bool:
            state = await target.platform.store.read(target.slot)
            return state.routes == Routes(primary=50, canary=50)

        await until(is_written)
        overtaking = asyncio.create_task(target.route(0))
        await asyncio.sleep(0)
    finally:
        process.resume()
    outcome = (await asyncio.gather(waiting, overtaking, return_exceptions=True))[0]

    assert not isinstance(outcome, ApplicationError) or outcome.type == Reason.FENCED
    assert await target.ask(10) == ["v1"] * 10


async def test_a_share_for_a_canary_that_does_not_run_is_refused(target: Target) -> None:
    await target.adopt(target.revision("v1"))
    with pytest.raises(ApplicationError, match="no canary runs") as refused:
        await target.route(50)

    assert refused.value.type == Reason.ROUTE_REJECTED
    assert await target.ask(3) == ["v1"] * 3


async def test_changing_weights_fails_no_request(target: Target) -> None:
    await released(target)
    async with constant_users(target.platform.proxy.users_url, target.host) as users:
        for canary in (10, 90, 30, 100, 0, 50, 0):
            await target.route(canary)

    assert users.failures == []
    assert users.requests > 20
