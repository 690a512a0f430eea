"""`serinus gateway` as a program: what it logs and keeps, and how it ends."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from temporalio.testing import WorkflowEnvironment

from tests.activities.gateway.scene import form_token
from tests.integration.patience import eventually
from tests.oidc.provider import free_port
from worker.gateway.doors import LINKS, TOKENS
from worker.gateway.one_time import Links
from worker.gateway.tokens import TokenFile


@dataclass
class Program:
    """One running gateway of a home."""

    home: Path
    url: str
    process: asyncio.subprocess.Process

    @property
    def log(self) -> Path:
        return self.home.parent / "gateway.log"

    @property
    def state(self) -> Path:
        return self.home / "gateway"

    def browser(self) -> httpx.AsyncClient:
        headers = {"accept": "text/html, */*;q=0.5", "origin": self.url}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False)

    async def end(self) -> float:
        """Tell it to end; how long that took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(self.process.wait(), 20) == 0
        return time.monotonic() - began


@asynccontextmanager
async def program(home: Path, env: WorkflowEnvironment) -> AsyncGenerator[Program]:
    port = free_port()
    environment = {
        **os.environ,  # noqa: TID251  what a shell would give it
        "SERINUS_HOME": str(home),
        "SERINUS_GATEWAY__PORT": str(port),
        "TEMPORAL_ADDRESS": env.client.service_client.config.target_host,
    }
    with (home.parent / "gateway.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("serinus"), "gateway", env=environment, stderr=log
        )
        running = Program(home, f"http://127.0.0.1:{port}", process)

        async def is_ready() -> bool:
            assert process.returncode is None, running.log.read_text(encoding="utf-8")
            try:
                async with running.browser() as browser:
                    return (await browser.get("/readyz")).is_success
            except httpx.ConnectError:
                return False

        try:
            await eventually(is_ready, "the gateway is ready")
            yield running
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def test_no_secret_is_logged_or_kept_or_shown(
    tmp_path: Path, env: WorkflowEnvironment
) -> None:
    async with program(tmp_path / "home", env) as running, running.browser() as browser:
        link = Links(running.state / LINKS).make("ana", time.time())
        token = TokenFile(running.state / TOKENS).add("ci", ("deployers",), time.time())
        await browser.get(link)
        (cookie,) = dict(browser.cookies).values()
        form = await form_token(browser)
        pages = [await browser.get(path) for path in ("/", "/sign-in", "/plan", "/nothing")]
        bearer = {"authorization": f"Bearer {token}"}
        pages.append(await browser.get("/api/v1/rollouts", headers=bearer))
        pages.append(await browser.get("/sign-in/oidc/back?code=stolen-code&state=a-state"))
        wrong = {"token": "serinus_no_guessed-secret", "form_token": form}
        pages.append(await browser.post("/sign-in/token", data=wrong))
        pages.append(await browser.get(link))
        await browser.post("/sign-in/out", data={"form_token": form})
        await running.end()
        texts = [running.log.read_bytes(), *(page.content for page in pages)]
        texts += [path.read_bytes() for path in running.home.rglob("*") if path.is_file()]
        secrets = [
            link.rpartition("/")[2], token, token.rpartition("_")[2], cookie,
            cookie.partition(".")[0], "guessed-secret", "stolen-code",
            (running.state / "session.key").read_text(encoding="utf-8").strip(),
        ]  # fmt: skip
    key_file = 1
    for secret in secrets:
        found = sum(secret.encode() in text for text in texts)
        assert found == (key_file if secret is secrets[-1] else 0), secret
    assert form.encode() not in texts[0]


async def test_every_request_is_one_line_of_json(tmp_path: Path, env: WorkflowEnvironment) -> None:
    async with program(tmp_path / "home", env) as running, running.browser() as browser:
        await browser.get(Links(running.state / LINKS).make("ana", time.time()))
        seen = await browser.get("/plan?secret=value")
        await running.end()
        lines = [json.loads(line) for line in running.log.read_text("utf-8").splitlines()]
    (line,) = [each for each in lines if each.get("path") == "/plan"]
    assert line["request_id"] == seen.headers["x-request-id"]
    assert (line["method"], line["status"], line["person"]) == ("GET", 200, "ana")
    assert line["address"] == "127.0.0.1"
    assert line["seconds"] >= 0


@pytest.mark.parametrize("path", ["/live"])
async def test_it_ends_within_seconds_though_pages_are_open(
    tmp_path: Path, env: WorkflowEnvironment, path: str
) -> None:
    async with program(tmp_path / "home", env) as running, running.browser() as browser:
        await browser.get(Links(running.state / LINKS).make("ana", time.time()))
        accept = {"accept": "text/event-stream"}
        async with browser.stream("GET", path, headers=accept) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            took = await running.end()
    assert took < 10
