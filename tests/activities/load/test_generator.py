import asyncio
import socket

import pytest

from activities.load.generator import LoadGenerator, Progress
from activities.load.options import LoadOptions
from activities.load.report import LoadReport
from tests.activities.load.conftest import Target


async def sent(options: LoadOptions) -> LoadReport:
    async with asyncio.timeout(30):
        return await LoadGenerator(options).run()


@pytest.mark.parametrize(("requests", "workers"), [(1, 50), (7, 3), (200, 50)])
async def test_exactly_the_asked_number_is_sent(
    target: Target, requests: int, workers: int
) -> None:
    report = await sent(LoadOptions(url=target.url, requests=requests, workers=workers))
    assert len(target.seen) == report.requests == report.statuses[200] == requests
    assert report.received_bytes == 2 * requests
    assert report.failed == 0


async def test_a_request_carries_what_was_asked(target: Target) -> None:
    await sent(
        LoadOptions(
            url=f"{target.url}/cart?a=1",
            requests=1,
            method="POST",
            body='{"item": 1}',
            host="shop.test",
            headers=(("X-Canary", "always"), ("Content-Type", "application/json")),
        )
    )
    assert target.seen == [("POST", "/cart", '{"item": 1}')]
    headers = target.headers[0]
    assert headers["Host"] == "shop.test"
    assert headers["X-Canary"] == "always"
    assert headers["Content-Type"] == "application/json"


async def test_a_paced_run_sends_or_owns_up_to_every_request_of_its_duration(
    target: Target,
) -> None:
    report = await sent(LoadOptions(url=target.url, workers=5, rate=20, duration=0.5))
    assert report.requests + report.unsent == 50
    assert len(target.seen) == report.requests
    assert report.elapsed >= 0.5


async def test_one_slow_answer_delays_no_other_request(target: Target) -> None:
    options = LoadOptions(url=f"{target.url}/hang-first", requests=12, workers=2, rate=500)
    generator = LoadGenerator(options, lambda now: _release(target, now))
    async with asyncio.timeout(30):
        report = await generator.run()
    assert report.statuses == {200: 12}


def _release(target: Target, now: Progress) -> None:
    if now.requests == 11:
        target.release.set()


async def test_waiting_for_a_free_worker_counts_as_latency(target: Target) -> None:
    options = LoadOptions(url=f"{target.url}/slow-start", requests=10, workers=1, rate=100)
    report = await sent(options)
    assert report.latency is not None
    # All ten were due within 0.1 s, and the only worker was busy for 0.3 s.
    assert report.latency.min > 0.15


async def test_a_busy_target_leaves_requests_unsent(target: Target) -> None:
    options = LoadOptions(url=f"{target.url}/hang", workers=2, rate=50, duration=0.3, timeout=0.5)
    report = await sent(options)
    assert report.errors == {"timeout": 2}
    assert report.unsent == 28


async def test_server_errors_are_answers_that_failed(target: Target) -> None:
    report = await sent(LoadOptions(url=f"{target.url}/broken", requests=5))
    assert report.statuses == {503: 5}
    assert report.failed == 5


async def test_nobody_listening_is_told_from_other_errors() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    report = await sent(LoadOptions(url=f"http://127.0.0.1:{port}/", requests=3))
    assert report.errors == {"connection refused": 3}
    assert report.latency is None


async def test_stopping_reports_what_was_answered_until_then(target: Target) -> None:
    generator = LoadGenerator(LoadOptions(url=f"{target.url}/hang", workers=3, duration=3600))
    running = asyncio.create_task(generator.run())
    await target.arrived.wait()
    generator.stop()
    async with asyncio.timeout(30):
        report = await running
    assert report.stopped
    assert report.requests == 0


async def test_stopping_before_the_start_sends_nothing(target: Target) -> None:
    generator = LoadGenerator(LoadOptions(url=target.url))
    generator.stop()
    assert (await generator.run()).requests == 0
    assert target.seen == []


async def test_cancelling_leaves_no_request_open(target: Target) -> None:
    running = asyncio.create_task(sent(LoadOptions(url=f"{target.url}/hang", workers=3)))
    await target.arrived.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_progress_is_told_while_it_runs(target: Target) -> None:
    told: list[Progress] = []
    options = LoadOptions(url=target.url, workers=2, rate=20, duration=1)
    await LoadGenerator(options, told.append).run()
    assert told
    assert [now.share for now in told] == sorted(now.share for now in told)
    assert all(now.requests <= 40 and now.share <= 1 for now in told)
