"""People decide in the browser: approve, reject, abort, pause; and what is stale is refused."""

import re

from playwright.async_api import Page, expect

from tests.browser.window import Windows
from tests.integration.manifests import HELD, a_canary, a_hook, a_shop
from tests.integration.scene import Scene
from worker.gateway.identity import Role
from workflows.errors import Reason
from workflows.model.requests import Outcome
from workflows.model.status import Verb

FIRST, GATE = "confirm-rollout", "confirm-promotion"
WORDS = re.compile


async def at_gate(scene: Scene, gate: str = GATE) -> None:
    """A release that waits, or will, for somebody to let it go on."""
    closed = f"{scene.on.ports.loadtester_url}/gate/check"
    hooks = {"webhooks": [a_hook("ask", gate, closed)], "stepWeights": [50]}
    await scene.begin(a_canary(scene.name, analysis=hooks), a_shop(scene.name, "v1"))
    await scene.apply(a_shop(scene.name, "v2"))


async def held(scene: Scene) -> None:
    """A release that stays at its first weight."""
    analysis = {"interval": HELD, "stepWeights": [30, 60]}
    await scene.begin(a_canary(scene.name, analysis=analysis), a_shop(scene.name, "v1"))
    await scene.apply(a_shop(scene.name, "v2"))
    await scene.at("weight-30")


async def test_a_person_sees_it_move_and_approves_from_the_first_page(
    scene: Scene, windows: Windows
) -> None:
    page = await windows.of("ana", Role.APPROVER)
    async with scene.users():
        await at_gate(scene)
        await page.goto(windows.gateway.url)
        await expect(page.locator("body[data-following]")).to_have_count(1)
        await scene.waits_at(GATE)
        review = page.get_by_role("link", name=f"Review default/{scene.name}", exact=True)
        await review.click()
        await expect(page.get_by_role("heading", name="Waiting for your approval")).to_be_visible()
        await page.get_by_label(WORDS("^Reason")).first.fill("the numbers are fine")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.get_by_text("Your approval counts.")).to_be_visible()
        await expect(page.locator("#part-head").get_by_text("promoted", exact=True)).to_be_visible()
        await scene.ends(Outcome.PROMOTED)
        entries = (await scene.status()).entries
        assert any(each.actor == "ana" and "numbers are fine" in each.detail for each in entries)
        await expect(
            page.locator("#part-story").get_by_text("the numbers are fine").first
        ).to_be_visible()


async def test_the_page_moves_by_itself_and_keeps_what_is_being_typed(
    scene: Scene, windows: Windows
) -> None:
    page = await windows.of()
    await at_gate(scene, FIRST)
    await page.goto(windows.gateway.rollout(scene.slot))
    await page.evaluate("window.sameDocument = true")
    await scene.waits_at(FIRST)
    await expect(page.get_by_role("heading", name="Waiting for your approval")).to_be_visible()
    reason = page.locator("#moves-reason")
    await reason.fill("half a sen")
    await scene.tell(Verb.PAUSE)
    await expect(page.get_by_role("button", name="Resume")).to_be_visible()
    await expect(reason).to_have_value("half a sen")
    await expect(reason).to_be_focused()
    assert await page.evaluate("window.sameDocument") is True


async def test_a_rejection_is_confirmed_and_takes_the_release_back(
    scene: Scene, windows: Windows
) -> None:
    page = await windows.of()
    await at_gate(scene, FIRST)
    await scene.waits_at(FIRST)
    await page.goto(windows.gateway.rollout(scene.slot))
    await page.get_by_label(WORDS("^Reason")).first.fill("not today")
    await page.get_by_role("button", name="Reject…").click()
    await expect(page.get_by_role("heading", name=f"Reject default/{scene.name}?")).to_be_visible()
    assert (await scene.status()).waiting is not None
    await expect(page.get_by_label(WORDS("^Reason"))).to_have_value("not today")
    await page.get_by_role("button", name="Reject").click()
    await scene.ends(Outcome.ROLLED_BACK, Reason.REJECTED)
    await expect(page.locator("#part-head").get_by_text("rolled-back")).to_be_visible()


async def test_pause_resume_and_a_confirmed_abort(scene: Scene, windows: Windows) -> None:
    page = await windows.of("ben", Role.OPERATOR)
    await held(scene)
    await page.goto(windows.gateway.rollout(scene.slot))
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("The rollout is paused.")).to_be_visible()
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await page.get_by_label(WORDS("^Reason")).fill("support is calling")
    await page.get_by_role("button", name="Abort…").click()
    await expect(page.get_by_role("heading", name=f"Abort default/{scene.name}?")).to_be_visible()
    assert (await scene.status()).outcome is None
    await page.get_by_role("button", name="Abort").click()
    await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
    await expect(
        page.locator("#part-story").get_by_text("support is calling").first
    ).to_be_visible()


async def test_a_stale_approval_changes_nothing_and_says_why(
    scene: Scene, windows: Windows
) -> None:
    closed = f"{scene.on.ports.loadtester_url}/gate/check"
    gates = ("confirm-rollout", GATE)
    hooks = {"webhooks": [a_hook(f"ask {kind}", kind, closed) for kind in gates]}
    await scene.begin(a_canary(scene.name, analysis=hooks), a_shop(scene.name, "v1"))
    await scene.apply(a_shop(scene.name, "v2"))
    await scene.waits_at("confirm-rollout")
    page = await windows.of(script=False)
    await page.goto(windows.gateway.rollout(scene.slot))
    async with scene.users():
        await scene.answer(Verb.APPROVE, "confirm-rollout")
        await scene.waits_at(GATE)
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator("#refusal")).to_contain_text("Nothing was changed")
        await expect(page.locator("#refusal")).to_contain_text("moved on since you looked")
        assert (await scene.status()).waiting is not None


async def test_buttons_are_exactly_what_is_allowed_and_what_the_person_may(
    scene: Scene, windows: Windows
) -> None:
    await held(scene)
    admin = await windows.of("ana", Role.ADMIN)
    viewer = await windows.of("ben", Role.VIEWER)
    for page in (admin, viewer):
        await page.goto(windows.gateway.rollout(scene.slot))
    assert await buttons(admin) == {"Pause", "Promote now…", "Abort…", "Look at the target again"}
    assert await buttons(viewer) == set()


async def test_everything_can_be_read_and_decided_without_a_script(
    scene: Scene, windows: Windows
) -> None:
    page = await windows.of(script=False)
    async with scene.users():
        await at_gate(scene)
        await scene.waits_at(GATE)
        await page.goto(windows.gateway.url)
        await page.get_by_role("link", name=f"Review default/{scene.name}", exact=True).click()
        await expect(page.get_by_role("img", name=WORDS("^Share of the canary"))).to_be_visible()
        await expect(page.get_by_role("img", name=WORDS("^request-success-rate"))).to_be_visible()
        await page.get_by_role("button", name="Approve").click()
        await expect(page.get_by_text("Your approval counts.")).to_be_visible()
        await scene.ends(Outcome.PROMOTED)
        await page.get_by_role("link", name="Load again").click()
        await expect(page.locator("#part-head").get_by_text("promoted", exact=True)).to_be_visible()


async def test_a_promotion_is_undone_from_the_history(scene: Scene, windows: Windows) -> None:
    name = scene.name
    await scene.begin(a_canary(name), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await scene.ends(Outcome.PROMOTED)
        page = await windows.of("ben", Role.OPERATOR)
        await page.goto(windows.gateway.target(scene.slot))
        await page.get_by_role("button", name="Undo…").click()
        await expect(page.get_by_role("heading", name=WORDS("^Undo the last"))).to_be_visible()
        await page.get_by_label(WORDS("^Reason")).fill("too slow")
        await page.get_by_role("button", name="Undo").click()
        await scene.ends(Outcome.PROMOTED)
        await scene.assert_restored("v1")
        await page.goto(windows.gateway.target(scene.slot))
        await page.get_by_role("button", name="Compare the two chosen").click()
        await expect(page.get_by_role("heading", name="Two rollouts of")).to_be_visible()
        await expect(page.locator("pre.diff .removed").first).to_contain_text("VERSION: v2")


async def buttons(page: Page) -> set[str]:
    return set(await page.locator("main").get_by_role("button").all_inner_texts())


async def test_a_run_that_somebody_has_ended_is_shown_as_that(
    scene: Scene, windows: Windows
) -> None:
    await at_gate(scene, FIRST)
    await scene.waits_at(FIRST)
    page = await windows.of()
    await page.goto(windows.gateway.rollout(scene.slot))
    await scene.on.client.get_workflow_handle(scene.slot.workflow_id).terminate("by hand")
    await expect(page.locator("#part-head")).to_contain_text("ended without an outcome")
    await expect(page.locator("#part-moves").get_by_role("button")).to_have_count(0)
