"""Debian's Prometheus on loopback, which scrapes a real stack every half second."""

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import BaseModel, TypeAdapter

from tests.integration.patience import eventually

PROGRAM = "/usr/bin/prometheus"


class Series(BaseModel):
    """One result of an instant query."""

    metric: dict[str, str] = {}
    value: tuple[float, str]


_SERIES = TypeAdapter(list[Series])


@dataclass(frozen=True)
class Prometheus:
    """Where it is."""

    http: httpx.AsyncClient

    async def ask(self, query: str) -> list[Series]:
        """The series of an instant query, now; bad queries fail the test."""
        answer = await self.http.get("/api/v1/query", params={"query": query})
        assert answer.status_code == 200, f"{query}: {answer.text}"
        data = answer.json()["data"]
        if data["resultType"] == "scalar":
            return [Series(value=data["result"])]
        return _SERIES.validate_python(data["result"])

    async def has(self, query: str) -> bool:
        return bool(await self.ask(query))

    async def comes_to(self, query: str, why: str = "") -> None:
        """Wait until there is a series."""
        await eventually(lambda: self.has(query), f"{why}: {query}", 30)


@asynccontextmanager
async def open_prometheus(
    folder: Path, jobs: dict[str, str], rules: Sequence[Path]
) -> AsyncGenerator[Prometheus]:
    config = folder / "prometheus.json"
    scrapes = [
        {"job_name": job, "static_configs": [{"targets": [address]}]}
        for job, address in jobs.items()
    ]
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
                "rule_files": [str(path) for path in rules],
                "scrape_configs": scrapes,
            }
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [PROGRAM, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
               f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
                await eventually(lambda: _is_ready(http), "Prometheus is ready")
                yield Prometheus(http)
        finally:
            process.terminate()
            await process.wait()


async def _is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/-/ready")).status_code == 200
    except httpx.HTTPError:
        return False


def promtool(*arguments: str, within: Path) -> str:
    """What it says; it must succeed."""
    done = subprocess.run(
        ["/usr/bin/promtool", *arguments],
        cwd=within,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
