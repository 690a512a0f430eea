"""Who may look and who may decide: signing in, sessions that end, authors, two people."""

import asyncio
import re
import signal

import psutil
from playwright.async_api import expect

from tests.browser.test_deciding import at_gate, buttons
from tests.browser.window import Windows
from tests.integration.manifests import a_canary, a_hook, a_policy, a_shop
from tests.integration.scene import RealStack, Scene
from worker.gateway.identity import Role
from workflows.model.requests import Outcome

FIRST = "confirm-rollout"


async def asked(scene: Scene, **gate: object) -> None:
    """A release that waits at a gate with a rule, before it has any users."""
    name = scene.name
    closed = f"{scene.on.ports.loadtester_url}/gate/check"
    hooks = {"webhooks": [a_hook("ask", FIRST, closed)], "stepWeights": [50]}
    policy = a_policy(name, gates=[{"at": FIRST, **gate}])
    await scene.begin(policy, a_canary(name, analysis=hooks), a_shop(name, "v1"))
    await scene.apply(a_shop(name, "v2"))
    await scene.waits_at(FIRST)


async def test_a_link_signs_in_once_and_signing_out_ends_it(windows: Windows) -> None:
    gateway = windows.gateway
    page = await windows.nobody()
    await page.goto(gateway.url)
    await expect(page).to_have_url(re.compile("/sign-in"))
    link = gateway.link("ana")
    await page.goto(link)
    await expect(page.get_by_role("heading", name="Rollouts", level=1)).to_be_visible()
    await expect(page.get_by_text("ana", exact=True)).to_be_visible()
    other = await windows.nobody()
    await other.goto(link)
    await expect(other.get_by_text("this link is used up")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await page.goto(gateway.url)
    await expect(page).to_have_url(re.compile("/sign-in"))


async def test_an_expired_session_decides_nothing_and_leads_to_the_sign_in(
    scene: Scene, windows: Windows
) -> None:
    await at_gate(scene, FIRST)
    await scene.waits_at(FIRST)
    page = await windows.of("ana", Role.APPROVER)
    await page.goto(windows.gateway.rollout(scene.slot))
    doors = windows.gateway.doors
    cookies = {each.get("name"): each.get("value", "") for each in await page.context.cookies()}
    cookie = cookies[doors.browser.cookie]
    await asyncio.to_thread(doors.sessions.end, cookie)
    await page.get_by_role("button", name="Approve").click()
    await expect(page).to_have_url(re.compile("/sign-in"))
    waiting = (await scene.status()).waiting
    assert waiting is not None
    assert waiting.given == ()


async def test_an_author_is_told_that_somebody_else_must_approve(
    scene: Scene, windows: Windows
) -> None:
    await asked(scene, notAuthor=True)
    author = await windows.of("test", Role.ADMIN)
    await author.goto(windows.gateway.rollout(scene.slot))
    await author.get_by_role("button", name="Approve").click()
    await expect(author.locator("#refusal")).to_contain_text("Nothing was changed")
    await expect(author.locator("#refusal")).to_contain_text("author of this change")
    waiting = (await scene.status()).waiting
    assert waiting is not None
    assert waiting.given == ()


async def test_two_people_approve_and_the_first_sees_the_second(
    scene: Scene, windows: Windows
) -> None:
    await asked(scene, quorum=2, groups=["release"], proven=True)
    ana = await windows.of("ana", Role.APPROVER, groups=("release",))
    ben = await windows.of("ben", Role.APPROVER, groups=("release",))
    cleo = await windows.of("cleo", Role.APPROVER)
    for page in (ana, ben, cleo):
        await page.goto(windows.gateway.rollout(scene.slot))
        await expect(page.locator("#gate-count")).to_have_text("0 of 2")
    assert await buttons(cleo) == set()
    await ana.get_by_role("button", name="Approve").click()
    for page in (ana, ben):
        await expect(page.locator("#gate-count")).to_have_text("1 of 2")
    assert "Approve" not in await buttons(ana)
    async with scene.users():
        await ben.get_by_role("button", name="Approve").click()
        await expect(ana.locator("#part-head").get_by_text("promoted", exact=True)).to_be_visible(
            timeout=30_000
        )
        await scene.ends(Outcome.PROMOTED)


async def test_an_approval_may_carry_conditions(scene: Scene, windows: Windows) -> None:
    await asked(scene, quorum=2, groups=["release"])
    page = await windows.of("ana", Role.APPROVER, groups=("release",))
    await page.goto(windows.gateway.rollout(scene.slot))
    await page.get_by_text("Conditions").click()
    await page.get_by_label("At most this weight").fill("30")
    await page.get_by_label("Not before").fill("10")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.locator(".given")).to_contain_text("up to 30 %")
    waiting = (await scene.status()).waiting
    assert waiting is not None
    [given] = waiting.given
    assert given.max_weight == 30
    assert given.proven
    assert given.not_before is not None
    assert 500 < given.not_before - given.at < 700


async def test_with_temporal_away_the_page_says_so_and_goes_on_after(
    scene: Scene, windows: Windows, stack: RealStack
) -> None:
    await at_gate(scene, FIRST)
    await scene.waits_at(FIRST)
    page = await windows.of()
    await page.goto(windows.gateway.rollout(scene.slot))
    await expect(page.locator("body[data-following]")).to_have_count(1)
    [temporal] = [each for each in await programs(stack) if each.name().startswith("temporal")]
    temporal.send_signal(signal.SIGSTOP)
    try:
        away = page.locator("#part-away").get_by_role("alert")
        await expect(away).to_contain_text("not up to date", timeout=30_000)
        await expect(page.get_by_role("heading", name="Waiting for your approval")).to_be_visible()
    finally:
        temporal.send_signal(signal.SIGCONT)
    await expect(away).to_have_count(0, timeout=30_000)


async def test_what_may_not_be_seen_is_not_there(scene: Scene, windows: Windows) -> None:
    await at_gate(scene, FIRST)
    page = await windows.of("ben", Role.VIEWER)
    doors = windows.gateway.doors
    cookie = await asyncio.to_thread(doors.sessions.begin, "cleo", (), "test", ())
    await page.context.add_cookies(
        [{"name": doors.browser.cookie, "value": cookie, "url": windows.gateway.url}]
    )
    answer = await page.goto(windows.gateway.rollout(scene.slot))
    assert answer is not None
    assert answer.status == 404
    await page.goto(windows.gateway.url)
    await expect(page.get_by_text("No rollouts to show")).to_be_visible()


async def programs(stack: RealStack) -> list[psutil.Process]:
    return await asyncio.to_thread(stack.stack.left)
