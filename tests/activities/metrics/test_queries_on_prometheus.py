"""Built-in checks on a real Prometheus: every query parses and gives the number it should."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp import web

from activities.metrics.engine import MetricsEngine
from tests.activities.metrics.provider_series import CASES, Case, the_page
from tests.activities.metrics.provider_server import serving
from workflows.model.check_spec import BUILT_IN, DURATION, SUCCESS_RATE
from workflows.model.measurement import MetricQuery, Outcome
from workflows.model.provider import Provider
from workflows.model.target import TargetKind
from workflows.queries.registry import FAMILIES, built_in
from workflows.queries.subject import Subject

ENOUGH_SCRAPES = 8


def a_free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture(scope="module")
async def prometheus(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[str]:
    """A Prometheus that has scraped the exporter often enough."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("there is no prometheus on this machine")
    folder, port = tmp_path_factory.mktemp("prometheus"), a_free_port()
    async with serving() as exporter:
        scrapes = 0

        async def counted(request: web.Request) -> web.StreamResponse:
            nonlocal scrapes
            scrapes += 1
            return web.Response(text=the_page(scrapes))

        exporter.handler = counted
        configure(folder, exporter.url)
        running = await asyncio.create_subprocess_exec(
            program,
            f"--config.file={folder / 'prometheus.json'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(30):
                await exporter.was_asked(ENOUGH_SCRAPES)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            await running.wait()


def configure(folder: Path, url: str) -> None:
    """JSON is YAML as well."""
    (folder / "targets.json").write_text(json.dumps([{"targets": [url.removeprefix("http://")]}]))
    job = {
        "job_name": "exporter",
        "honor_labels": True,
        "file_sd_configs": [{"files": [str(folder / "targets.json")]}],
    }
    every = {"scrape_interval": "250ms", "scrape_timeout": "250ms"}
    config = {"global": every, "scrape_configs": [job]}
    (folder / "prometheus.json").write_text(json.dumps(config))


async def measured(engine: MetricsEngine, address: str, case: Case, check: str) -> float:
    text = built_in(check, case.provider, case.subject)
    assert text is not None
    query = MetricQuery(check=check, provider="prometheus", query=text, address=address)
    measurement = await engine.measure(query)
    assert measurement.outcome is Outcome.VALUE, (measurement.message, text)
    assert measurement.value is not None
    return measurement.value


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_the_numbers_are_the_canary_s(
    engine: MetricsEngine, prometheus: str, case: Case
) -> None:
    rate = await measured(engine, prometheus, case, SUCCESS_RATE)
    assert rate == pytest.approx(100 - case.bad)
    duration = await measured(engine, prometheus, case, DURATION)
    assert duration == pytest.approx(190 if case.buckets else 50)


@pytest.mark.parametrize("provider", sorted(FAMILIES))
@pytest.mark.parametrize("kind", [TargetKind.DEPLOYMENT, TargetKind.DAEMON_SET, TargetKind.SERVICE])
async def test_where_there_are_no_series_there_is_no_data(
    engine: MetricsEngine, prometheus: str, provider: Provider, kind: TargetKind
) -> None:
    subject = Subject("nowhere", "none", kind, "none", "none", "none", "3s")
    for check in BUILT_IN:
        text = built_in(check, provider, subject)
        if text is not None:
            query = MetricQuery(check=check, provider="prometheus", query=text, address=prometheus)
            assert (await engine.measure(query)).outcome is Outcome.NO_DATA


def test_every_provider_is_tried_on_a_real_prometheus() -> None:
    same = {Provider.APPMESH_V1BETA2, Provider.SMI_V1ALPHA1, Provider.SMI_V1ALPHA2,
            Provider.SMI_V1ALPHA3}  # fmt: skip
    assert set(FAMILIES) - same == {case.provider for case in CASES}
