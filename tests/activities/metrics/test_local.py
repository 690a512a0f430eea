"""What the observe activity sees of a local router."""

import asyncio
import time

import httpx
import pytest

from activities.analysis.instruments import Checks, LiveCounters
from activities.metrics.engine import MetricsEngine
from activities.metrics.local import CanaryState, LocalMetrics, Sides
from activities.metrics.scraper import Scraper
from tests.activities.metrics.provider_server import Provider
from workflows.model.identity import Slot
from workflows.model.live import Counts
from workflows.model.measurement import MetricQuery, Outcome, Threshold
from workflows.model.plan import Check, Traffic

EVERY = 0.02
SLOT = Slot(name="shop")
TRAFFIC = Traffic(provider="local", service="shop")
SIDES = Sides("default-shop-primary@file", "default-shop-canary@file")


def a_page(primary: int, canary: int, canary_failed: int = 0) -> str:
    counts = [(SIDES.primary, 200, primary), (SIDES.canary, 200, canary)]
    counts += [(SIDES.canary, 502, canary_failed)]
    return "".join(
        f'traefik_service_requests_total{{code="{code}",service="{service}"}} {count}\n'
        for service, code, count in counts
    )


class Platform:
    """The parts of `LocalMetrics`, and a canary that the test starts."""

    def __init__(self, http: httpx.AsyncClient, provider: Provider, engine: MetricsEngine) -> None:
        self.state = CanaryState(ready=2)
        self.provider = provider
        self.scraper = Scraper(http, provider.url, every=EVERY)
        self.metrics = LocalMetrics(self.scraper, engine, lambda _s, _t: SIDES, self.canary)
        self.checks: Checks = self.metrics
        self.live: LiveCounters = self.metrics

    async def canary(self, slot: Slot) -> CanaryState:
        assert slot == SLOT
        return self.state

    async def shows(self, page: str) -> None:
        self.provider.says(200, page)
        await self.scraper.next_look(time.monotonic() + EVERY)


@pytest.fixture
def platform(http: httpx.AsyncClient, provider: Provider, engine: MetricsEngine) -> Platform:
    provider.says(200, a_page(0, 0))
    return Platform(http, provider, engine)


def a_check(provider: str = "local", address: str = "", interval: float = 60) -> Check:
    name = "request-success-rate"
    query = MetricQuery(
        check=name, provider=provider, query=name, interval=interval, address=address
    )
    return Check(metric=query, threshold=Threshold(min=99))


async def test_looks_say_what_happened_on_each_side_and_who_is_ready(platform: Platform) -> None:
    async with platform.live.follow(SLOT, TRAFFIC) as feed:
        assert feed.history == []
        await platform.shows(a_page(1000, 100, 50))
        requests, failed = Counts(), Counts()
        looks = feed.looks()
        async for first in looks:
            assert first.primary == Counts()
            assert first.canary_ready == 2
            break
        platform.provider.says(200, a_page(1090, 105, 55))
        async for look in looks:
            requests, failed = requests.plus(look.primary), failed.plus(look.canary)
            if requests.requests:
                break
    assert requests == Counts(requests=90)
    assert failed == Counts(requests=10, failed=5)


async def test_what_users_meet_before_the_first_look_of_a_step_counts(platform: Platform) -> None:
    async with platform.scraper.subscribed():
        await platform.shows(a_page(100, 0))
        async with platform.live.follow(SLOT, TRAFFIC) as feed:
            await platform.shows(a_page(190, 5, 5))
            async for look in feed.looks():
                assert look.primary == Counts(requests=90)
                assert look.canary == Counts(requests=10, failed=5)
                break


async def test_the_next_step_knows_what_the_one_before_saw(platform: Platform) -> None:
    async with platform.live.follow(SLOT, TRAFFIC):
        await platform.shows(a_page(0, 0))
        await platform.shows(a_page(10, 0))
        await platform.shows(a_page(30, 0))
    async with platform.live.follow(SLOT, TRAFFIC) as feed:
        assert sum(look.primary.requests for look in feed.history) == 30


async def test_a_built_in_check_is_about_the_canary(platform: Platform) -> None:
    async with platform.live.follow(SLOT, TRAFFIC):
        await platform.shows(a_page(0, 0))
        await platform.shows(a_page(500, 3, 1))
        measurement = await platform.checks.measure(a_check(), TRAFFIC, SLOT)
    assert measurement.value == 75.0


async def test_a_worker_that_has_just_taken_over_looks_on_until_it_knows(
    platform: Platform,
) -> None:
    platform.state = CanaryState(ready=2, started=time.time() - 1000)
    async with platform.live.follow(SLOT, TRAFFIC):
        measuring = asyncio.create_task(platform.checks.measure(a_check(), TRAFFIC, SLOT))
        await platform.shows(a_page(0, 10))
        await platform.shows(a_page(50, 10))
        assert not measuring.done()
        await platform.shows(a_page(50, 20))
        assert (await measuring).value == 100.0


async def test_nothing_seen_in_all_that_a_check_is_about_is_no_data(platform: Platform) -> None:
    platform.state = CanaryState(ready=2, started=time.time() - 1000)
    check = a_check(interval=10 * EVERY)
    async with platform.live.follow(SLOT, TRAFFIC):
        measured = await platform.checks.measure(check, TRAFFIC, SLOT)
        assert measured.outcome is Outcome.NO_DATA
        assert platform.scraper.saw(time.monotonic() - check.metric.interval)


async def test_a_canary_that_was_watched_from_its_start_has_no_data_at_once(
    platform: Platform,
) -> None:
    async with platform.live.follow(SLOT, TRAFFIC):
        await platform.shows(a_page(0, 0))
        platform.state = CanaryState(ready=2, started=time.time())
        measured = await platform.checks.measure(a_check(), TRAFFIC, SLOT)
        assert measured.outcome is Outcome.NO_DATA


async def test_what_the_last_canary_did_is_not_this_one_s_fault(platform: Platform) -> None:
    async with platform.live.follow(SLOT, TRAFFIC):
        await platform.shows(a_page(0, 0))
        await platform.shows(a_page(0, 0, 50))
        platform.state = CanaryState(ready=2, started=time.time())
        await platform.shows(a_page(0, 0, 50))
        await platform.shows(a_page(0, 10, 50))
        measurement = await platform.checks.measure(a_check(), TRAFFIC, SLOT)
    assert (measurement.value, measurement.message) == (100.0, "10 requests, 0 failed")


async def test_other_checks_go_to_their_provider(platform: Platform) -> None:
    platform.provider.finds("scalar", [1, "42"])
    check = a_check("prometheus", platform.provider.url)
    assert (await platform.checks.measure(check, TRAFFIC, SLOT)).value == 42


async def test_a_check_while_nobody_looks_is_no_data(platform: Platform) -> None:
    measurement = await platform.checks.measure(a_check(), TRAFFIC, SLOT)
    assert measurement.outcome is Outcome.NO_DATA
