import asyncio
import signal
from collections import Counter

import httpx
import pytest

from tests.activities.stack.shop import a_shop
from worker.stack.shop import CRASHED, Faults


async def statuses(http: httpx.AsyncClient, count: int) -> list[int]:
    return [(await http.get("/")).status_code for _ in range(count)]


async def test_a_good_shop_names_its_version_and_counts_its_answers() -> None:
    async with a_shop(VERSION="v7") as (_, http):
        page = await http.get("/hats")
        assert page.json() == {"service": "shop", "version": "v7", "path": "/hats"}
        assert (await http.get("/readyz")).status_code == 200
        metrics = (await http.get("/metrics")).text
        assert 'shop_requests_total{status="200",version="v7"} 1.0' in metrics


async def test_faults_can_be_switched_while_it_runs() -> None:
    async with a_shop() as (_, http):
        assert set(await statuses(http, 8)) == {200}
        await http.post("/fault", json={"errorRate": 0.25, "notReady": True})
        assert Counter(await statuses(http, 40)) == {200: 30, 500: 10}
        assert (await http.get("/readyz")).status_code == 503
        await http.post("/fault", json={"errorRate": 0, "notReady": False, "latencyMs": 80})
        assert (await http.get("/")).elapsed.total_seconds() >= 0.08
        assert (await http.get("/readyz")).status_code == 200


@pytest.mark.parametrize("body", ['{"errorrate": 1}', "[1]", "nonsense", '{"errorRate": "many"}'])
async def test_a_fault_that_is_not_known_is_refused(body: str) -> None:
    async with a_shop() as (_, http):
        answer = await http.post("/fault", content=body)
        assert answer.status_code == 400
        assert "errorRate" in answer.text
        assert (await http.get("/fault")).json()["errorRate"] == 0


async def test_told_to_stop_it_answers_what_is_in_flight_and_closes_connections() -> None:
    async with a_shop(LATENCY_MS="500") as (process, http):
        slow = asyncio.create_task(http.get("/"))
        while (await http.get("/fault")).json()["inFlight"] == 0:
            pass
        process.send_signal(signal.SIGTERM)
        answer = await slow
        assert answer.status_code == 200
        assert answer.headers["connection"] == "close"
        assert await process.wait() == 0


async def test_it_crashes_when_told_to() -> None:
    async with a_shop() as (process, http):
        await http.post("/fault", json={"crashAfter": 0.01})
        assert await process.wait() == CRASHED


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.33, 0.5, 1.0])
def test_errors_are_spread_evenly(rate: float) -> None:
    faults = Faults(error_rate=rate, latency_ms=0, not_ready=False)
    failed = 0
    for asked in range(1, 301):
        failed += faults.next_fails()
        assert abs(failed - asked * rate) <= 1
