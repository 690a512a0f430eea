"""One scrape of a router serves everybody who follows a rollout behind it."""

import asyncio
import time

import httpx
import pytest

from activities.metrics.builtin import LOCAL, measure_builtin
from activities.metrics.scraper import Scraper
from tests.activities.metrics.provider_server import Provider, serving
from workflows.model.measurement import MetricQuery, Outcome

CANARY = "default-shop-canary@file"
EVERY = 0.02
SUCCESS = MetricQuery(
    check="request-success-rate", provider=LOCAL, query="request-success-rate", interval=60
)


def a_page(good: int, bad: int = 0) -> str:
    labels = f'method="GET",protocol="http",service="{CANARY}"'
    return (
        "traefik_config_reloads_total 1\n"
        f'traefik_service_requests_total{{code="200",{labels}}} {good}\n'
        f'traefik_service_requests_total{{code="500",{labels}}} {bad}\n'
    )


async def shows(scraper: Scraper, provider: Provider, page: str) -> None:
    """Let the router show a page, and wait until it has certainly been scraped."""
    provider.says(200, page)
    await scraper.next_look(time.monotonic() + EVERY)


@pytest.fixture
def scraper(http: httpx.AsyncClient, provider: Provider) -> Scraper:
    return Scraper(http, provider.url, every=EVERY)


async def test_a_window_counts_what_came_while_somebody_looked(
    scraper: Scraper, provider: Provider
) -> None:
    async with scraper.subscribed():
        await shows(scraper, provider, a_page(1000, 1000))
        await shows(scraper, provider, a_page(1090, 1010))
        window = scraper.window(CANARY, 60)
    assert window is not None
    assert (window.counted.requests, window.counted.failed) == (100, 10)
    measurement = measure_builtin(SUCCESS, CANARY, window, scraper.trouble)
    assert (measurement.outcome, measurement.value) == (Outcome.VALUE, 90.0)


async def test_a_restart_of_the_router_does_not_show(scraper: Scraper, provider: Provider) -> None:
    async with scraper.subscribed():
        await shows(scraper, provider, a_page(100, 0))
        await shows(scraper, provider, a_page(150, 5))
        await shows(scraper, provider, a_page(7, 1))
        await shows(scraper, provider, a_page(10, 1))
        window = scraper.window(CANARY, 60)
        latest = scraper.latest()
    assert window is not None
    assert (window.counted.requests, window.counted.failed) == (66, 6)
    assert latest is not None
    assert latest.of(CANARY).requests == 166


async def test_all_who_follow_share_one_scrape_and_the_last_one_ends_it(
    scraper: Scraper, provider: Provider
) -> None:
    provider.says(200, a_page(1))
    async with scraper.subscribed() as one:
        async with scraper.subscribed() as other:
            looks = await asyncio.gather(one.next_look(0), other.next_look(0))
            assert looks[0] is looks[1]
            assert len(provider.asked) == 1
        await scraper.next_look(looks[0].at)
        assert len(provider.asked) >= 2
    asked = len(provider.asked)
    tasks = {task.get_name() for task in asyncio.all_tasks()}
    assert not any(name.startswith("scrape") for name in tasks)
    with pytest.raises(RuntimeError, match="subscription"):
        await scraper.next_look(time.monotonic())
    assert len(provider.asked) == asked


async def test_history_outlasts_a_short_pause_between_two_steps(
    scraper: Scraper, provider: Provider
) -> None:
    async with scraper.subscribed():
        await shows(scraper, provider, a_page(10))
    async with scraper.subscribed():
        await shows(scraper, provider, a_page(25))
        window = scraper.window(CANARY, 60)
    assert window is not None
    assert window.counted.requests == 15
    assert len(scraper.since(0)) >= 2


async def test_looks_come_in_order_and_about_as_often_as_asked(
    scraper: Scraper, provider: Provider
) -> None:
    provider.says(200, a_page(1))
    async with scraper.subscribed():
        look = await scraper.next_look(0)
        began = look.at
        for _ in range(10):
            newer = await scraper.next_look(look.at)
            assert newer.at > look.at
            look = newer
    assert look.at - began >= 9 * EVERY


async def test_before_the_first_look_there_is_no_data(scraper: Scraper, provider: Provider) -> None:
    assert scraper.latest() is None
    assert scraper.window(CANARY, 60) is None
    assert scraper.trouble is None


@pytest.mark.parametrize(("status", "body"), [(500, "boom"), (200, "<html>"), (404, "")])
async def test_a_router_that_shows_no_counters_is_trouble(
    scraper: Scraper, provider: Provider, status: int, body: str
) -> None:
    provider.says(status, body)
    async with scraper.subscribed():
        # The second request comes after the first answer has been looked at.
        await asyncio.wait_for(provider.was_asked(2), 5)
        assert scraper.trouble is not None
        assert provider.url in scraper.trouble
        measurement = measure_builtin(SUCCESS, CANARY, scraper.window(CANARY, 60), scraper.trouble)
        assert measurement.outcome is Outcome.DOWN
        provider.says(200, a_page(1))
        await scraper.next_look(0)
        assert scraper.trouble is None


async def test_scraping_goes_on_when_a_router_comes_back(http: httpx.AsyncClient) -> None:
    async with serving() as gone:
        port = int(gone.url.rsplit(":", 1)[1])
    scraper = Scraper(http, gone.url, every=EVERY)
    async with scraper.subscribed():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scraper.next_look(0), 5 * EVERY)
        assert scraper.trouble is not None
        async with serving(port) as back:
            back.says(200, a_page(3))
            look = await asyncio.wait_for(scraper.next_look(0), 5)
    assert look.of(CANARY).requests == 3


async def test_a_wait_for_a_look_can_be_given_up(scraper: Scraper, provider: Provider) -> None:
    provider.handler = provider.stay_silent
    async with scraper.subscribed():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scraper.next_look(0), 0.05)
