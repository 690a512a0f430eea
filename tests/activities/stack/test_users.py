import asyncio

from tests.activities.stack.shop import a_shop
from worker.stack.users import Seen, Users


async def test_every_failure_that_users_meet_is_counted() -> None:
    async with a_shop(ERROR_RATE="0.5") as (_, http):
        async with Users(str(http.base_url), "shop.localhost", rate=200) as users:
            while users.sent < 40:
                await http.get("/fault")
        seen = users.seen()
    assert seen.sent >= 40
    assert abs(seen.failed - seen.sent / 2) <= 2
    assert list(seen.failures) == ["500"]


async def test_users_of_nothing_fail() -> None:
    async with a_shop() as (process, http):
        process.kill()
        await process.wait()
        async with Users(str(http.base_url), "shop.localhost", rate=200) as users:
            while users.sent < 5:  # noqa: ASYNC110  it counts by itself
                await asyncio.sleep(0)
    assert users.seen().failures == {"connection refused": users.sent}


def test_what_was_seen_before_is_not_counted_twice() -> None:
    before = Seen(sent=10, failures={"500": 3, "timeout": 1})
    after = Seen(sent=25, failures={"500": 5, "timeout": 1})
    since = after.since(before)
    assert (since.sent, since.failures, str(since)) == (15, {"500": 2}, "500 x 2")
