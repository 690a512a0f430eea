"""Temporal's own UI, as `serinus up` serves it: people approve and abort in it, with no gateway."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.conftest import CHROMIUM
from tests.integration.scene import Scene
from tests.integration.test_temporal_cli import GATE, begin, start
from workflows.errors import Reason
from workflows.model.approval import Via
from workflows.model.requests import Outcome

OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
PATIENCE = 60_000
"""Milliseconds; the page is some megabytes of script."""


@pytest.fixture(scope="session")
async def offline() -> AsyncGenerator[Browser]:
    """A browser that reaches nothing but this machine."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", OFFLINE]
        )
        yield browser
        await browser.close()


@asynccontextmanager
async def waiting_in_the_ui(scene: Scene, browser: Browser) -> AsyncGenerator[Page]:
    """A rollout at its gate, opened in the UI as a link of the list would."""
    await begin(scene)
    async with scene.users():
        await start(scene, "v2")
        seen = await scene.waits_at(GATE)
        context = await browser.new_context(viewport={"width": 1280, "height": 1000})
        context.set_default_timeout(PATIENCE)
        page = await context.new_page()
        workflow = quote(scene.slot.workflow_id, safe="")
        own = f"namespaces/default/workflows/{workflow}/{seen.run_id}/history"
        await page.goto(f"{scene.on.ports.temporal_ui_url}/{own}")
        yield page
        await context.close()


async def send_update(page: Page, name: str, data: str = "") -> None:
    """*More Actions*, *Send an Update*, the name, the data, *Submit*."""
    await (
        page.locator("#workflow-actions-menu-button")
        .or_(page.get_by_role("button", name="More Actions"))
        .first.click()
    )
    await page.get_by_role("menuitem", name="Send an Update").click()
    dialog = page.locator("dialog[open]")
    await dialog.get_by_test_id("update-select-button").click()
    await dialog.get_by_role("option", name=re.compile(f"^{name}")).click()
    if data:
        await dialog.get_by_role("textbox", name="Data").fill(data)
        await dialog.get_by_test_id("update-id").click()  # the editor re-indents, the dialog grows
    await dialog.get_by_test_id("confirm-modal-button").click()


async def assert_accepted(page: Page) -> None:
    await expect(page.locator("dialog[open]")).to_have_count(0, timeout=PATIENCE)


async def test_a_gate_is_approved_in_the_stock_ui(scene: Scene, offline: Browser) -> None:
    async with waiting_in_the_ui(scene, offline) as page:
        await send_update(page, "approve", '{"by":"ana","comment":"seen in the UI"}')
        await assert_accepted(page)
        await scene.ends(Outcome.PROMOTED)
        [said] = [entry for entry in (await scene.status()).entries if entry.action == "approve"]
        assert (said.actor, said.via, said.proven) == ("ana", Via.TEMPORAL, False)
        await scene.assert_restored("v2")


async def test_a_release_is_aborted_in_the_stock_ui_without_any_data(
    scene: Scene, offline: Browser
) -> None:
    async with waiting_in_the_ui(scene, offline) as page:
        await send_update(page, "abort")
        await assert_accepted(page)
        await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
        await scene.assert_restored("v1")


async def test_the_stock_ui_shows_why_an_order_is_refused(scene: Scene, offline: Browser) -> None:
    async with waiting_in_the_ui(scene, offline) as page:
        await send_update(page, "approve", '{"step":"weight-50"}')
        await expect(page.get_by_text("'weight-50' is not waiting").first).to_be_visible()
        assert (await scene.status()).waiting is not None
        await page.get_by_role("button", name="Cancel", exact=True).first.click()
        await send_update(page, "abort", '{"by":"ana"}')
        await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
