"""What a worker's pod is asked while Temporal is not there yet."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.activities.local.conftest import free_port
from worker.kube_worker import run_kubernetes_worker
from worker.settings import Settings
from worker.stack import ports


async def test_a_worker_that_waits_for_temporal_is_alive_and_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports.claim(tmp_path, usual=False)
    port = free_port()
    monkeypatch.setenv("SERINUS_WORKER_PORT", str(port))
    stop = asyncio.Event()
    settings = Settings(home=tmp_path, stack_only=True, platform="kubernetes")
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(run_kubernetes_worker(settings, stop))
        transport = httpx.AsyncHTTPTransport(retries=5)
        async with httpx.AsyncClient(transport=transport, trust_env=False) as http:
            url = f"http://127.0.0.1:{port}"
            assert (await http.get(f"{url}/healthz")).status_code == 200
            ready = await http.get(f"{url}/readyz")
            assert (ready.status_code, ready.text) == (503, "no rollouts are served")
            assert (await http.get(f"{url}/metrics")).status_code == 200
        stop.set()
