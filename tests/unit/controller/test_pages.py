"""The controller's pages, over a real socket."""

import socket

import httpx
import pytest
from prometheus_client import CollectorRegistry

from activities.reporting.gauges import CanaryGauges
from tests.unit.controller.scenes import a_canary
from worker.pages import pages, served
from worker.settings import SettingsError


async def test_a_controller_is_alive_at_once_and_ready_when_it_knows_all() -> None:
    ready = False
    registry = CollectorRegistry()
    registry.register(CanaryGauges(lambda: [a_canary()], "1.0", "istio"))
    app = pages(registry, lambda: ready, "not yet")
    async with served(app, 0, "PORT") as port, httpx.AsyncClient() as http:
        url = f"http://127.0.0.1:{port}"
        assert (await http.get(f"{url}/healthz")).status_code == 200
        refused = await http.get(f"{url}/readyz")
        assert (refused.status_code, refused.text) == (503, "not yet")
        ready = True
        assert (await http.get(f"{url}/readyz")).status_code == 200
        answer = await http.get(f"{url}/metrics")
    assert 'flagger_canary_total{namespace="test"} 1.0' in answer.text


async def test_a_taken_port_is_said_by_its_setting() -> None:
    app = pages(CollectorRegistry(), lambda: True, "")
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match="SERINUS_CONTROLLER_PORT"):
            async with served(app, port, "SERINUS_CONTROLLER_PORT"):
                pass
