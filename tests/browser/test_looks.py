"""How pages look: accessible in light and dark, whole on a phone; the pictures of the README."""

from collections.abc import AsyncGenerator
from importlib import resources
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from pydantic import JsonValue

from tests.browser.window import DESK, PHONE, Gateway, Windows
from tests.integration.manifests import DURATION, SUCCESS_RATE, a_canary, a_hook, a_shop
from tests.integration.scene import RealStack, Scene
from workflows.model.requests import Outcome
from workflows.model.value import Record

AXE = resources.files("axe_playwright_python") / "axe.min.js"
EXAMPLES = Path("examples/shop")
GATE = "confirm-promotion"
GRAVE = frozenset({"serious", "critical"})
LARGEST = 200_000
BAD_PLAN = "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: shop}\nspec: {}\n"


class Violation(Record):
    """A rule of axe that a page breaks, and where."""

    id: str
    impact: str | None = None
    nodes: tuple[dict[str, JsonValue], ...] = ()


class Found(Record):
    """What axe found."""

    passes: tuple[Violation, ...]
    violations: tuple[Violation, ...]


@pytest.fixture(scope="module")
async def waiting(stack: RealStack) -> AsyncGenerator[Scene]:
    """Promoted once, taken back once, and now at a gate with traffic on the canary."""
    scene = stack.new_scene()
    name = scene.name
    closed = f"{scene.on.ports.loadtester_url}/gate/check"
    analysis = {
        "webhooks": [a_hook("ask the release desk", GATE, closed)],
        "stepWeights": [10, 30, 60],
        "metrics": [SUCCESS_RATE, DURATION],
    }
    await scene.begin(a_canary(name), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2", {"ERROR_RATE": "0.5"}))
        assert (await scene.result()).outcome is Outcome.ROLLED_BACK
        await scene.apply(a_canary(name, analysis=analysis), a_shop(name, "v3"))
        await scene.waits_at(GATE)
        yield scene
    await scene.clear()


def addresses(gateway: Gateway, scene: Scene) -> dict[str, str]:
    return {
        "overview": gateway.url,
        "rollout": gateway.rollout(scene.slot),
        "history": gateway.target(scene.slot),
        "plan": f"{gateway.url}/plan",
        "sign-in": f"{gateway.url}/sign-in",
        "nothing": f"{gateway.url}/rollouts/local/default/nobody",
    }


async def compare(page: Page, gateway: Gateway, scene: Scene) -> None:
    await page.goto(gateway.target(scene.slot))
    await page.get_by_role("button", name="Compare the two chosen").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Two rollouts")


async def confirm(page: Page, gateway: Gateway, scene: Scene) -> None:
    await page.goto(gateway.rollout(scene.slot))
    await page.get_by_role("button", name="Abort…").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Abort")


async def bad_plan(page: Page, gateway: Gateway) -> None:
    await page.goto(f"{gateway.url}/plan")
    await page.get_by_label("Manifests").fill(BAD_PLAN)
    await page.get_by_role("button", name="Show the plan").click()
    await expect(page.get_by_role("alert")).to_contain_text("spec.targetRef")


async def good_plan(page: Page, gateway: Gateway) -> None:
    await page.goto(f"{gateway.url}/plan")
    await page.get_by_label("Manifests").fill(shop_manifests())
    await page.get_by_role("button", name="Show the plan").click()
    await expect(page.get_by_role("rowheader", name="weight-30")).to_be_visible()


def shop_manifests() -> str:
    return "\n---\n".join(path.read_text() for path in sorted(EXAMPLES.glob("*.yaml"))[:2])


async def assert_accessible(page: Page, what: str) -> None:
    for details in await page.locator("details").all():
        await details.evaluate("each => { each.open = true }")
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = Found.model_validate(await page.evaluate("axe.run()"))
    assert found.passes, f"{what}: axe looked at nothing"
    grave = [each for each in found.violations if each.impact in GRAVE]
    assert not grave, f"{what}: {grave}"


async def assert_whole(page: Page, what: str) -> None:
    """Nothing to the side, and no words below a readable size."""
    wide = await page.evaluate("document.documentElement.scrollWidth")
    shown = await page.evaluate("document.documentElement.clientWidth")
    assert wide <= shown, f"{what} is {wide} wide on a screen of {shown}"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_every_page_is_accessible_and_whole_on_a_phone(
    waiting: Scene, windows: Windows, dark: bool, tmp_path: Path
) -> None:
    gateway = windows.gateway
    for size in (DESK, PHONE):
        page = await windows.of(size=size, dark=dark)
        for what, address in addresses(gateway, waiting).items():
            await page.goto(address)
            await assert_accessible(page, what)
            await assert_whole(page, what)
            await page.screenshot(path=tmp_path / f"{what}-{size[0]}.png", full_page=True)
        for what, way in (("compare", compare), ("confirm", confirm)):
            await way(page, gateway, waiting)
            await assert_accessible(page, what)
            await assert_whole(page, what)
            await page.screenshot(path=tmp_path / f"{what}-{size[0]}.png", full_page=True)
        for what, draw in (("bad plan", bad_plan), ("good plan", good_plan)):
            await draw(page, gateway)
            await assert_accessible(page, what)
            await assert_whole(page, what)
            await page.screenshot(path=tmp_path / f"{what}-{size[0]}.png", full_page=True)


async def test_pictures_of_the_readme(waiting: Scene, windows: Windows, images: Path) -> None:
    for name, dark, size in (
        ("rollout", False, (1180, 1500)),
        ("rollout-dark", True, (1180, 1500)),
        ("phone", False, (390, 844)),
    ):
        page = await windows.of(dark=dark, size=size)
        await page.goto(windows.gateway.rollout(waiting.slot))
        await expect(page.locator("body[data-following]")).to_have_count(1)
        await take(page, images / f"{name}.png")
    page = await windows.of(size=(1180, 560))
    await page.goto(windows.gateway.url)
    await take(page, images / "overview.png")


async def take(page: Page, path: Path) -> None:
    size = len(await page.screenshot(path=path, animations="disabled"))
    assert size < LARGEST, f"{path.name} is {size} bytes"


async def test_nothing_in_a_page_is_inline(waiting: Scene, windows: Windows) -> None:
    """The policy lets in no script and no style but our files; nothing asks for more."""
    page = await windows.of()
    for address in addresses(windows.gateway, waiting).values():
        answer = await page.goto(address)
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert await page.locator("[style], style, script:not([src])").count() == 0
        assert await page.locator("main").count() == 1
        assert await page.locator("h1").count() == 1
