"""Sessions of browsers: how they begin, how long they last, where they end."""

import pytest

from tests.activities.gateway.scene import Scene, form_token
from worker.gateway.identity import Role
from workflows.model.identity import Slot

IDLE, ABSOLUTE = 600.0, 3_600.0
LASTS = {"idle": IDLE, "absolute": ABSOLUTE}


@pytest.fixture
def lasting(scene: Scene) -> Scene:
    return scene.given(session=LASTS)


async def test_a_link_signs_in_once_and_as_admin(scene: Scene) -> None:
    async with scene.running() as running, running.browser() as ana, running.browser() as ben:
        link = running.link("ana")
        assert (await ana.head(link)).status_code == 404
        welcome = await ana.get(link)
        assert (welcome.status_code, welcome.headers["location"]) == (303, "/")
        person = await running.person(ana)
        assert person is not None
        assert person.role_in(Slot(namespace="any", name="thing")) is Role.ADMIN
        again = await ben.get(link)
        assert again.status_code == 403
        assert "used up" in again.text
        assert await running.signed_in(ben) == ""


async def test_a_link_is_good_for_ten_minutes(scene: Scene) -> None:
    async with scene.running() as running, running.browser() as browser:
        late, early = running.link(), running.link()
        scene.clock.move(599)
        assert (await browser.get(early)).status_code == 303
        scene.clock.move(2)
        assert (await browser.get(late)).status_code == 403


async def test_links_can_be_switched_off(scene: Scene) -> None:
    async with scene.running() as running:
        link = running.link()
    async with (
        scene.given(one_time_links=False).running() as running,
        running.browser() as browser,
    ):
        assert (await browser.get(link)).status_code == 404


async def test_a_session_that_is_not_used_ends(lasting: Scene) -> None:
    async with lasting.running() as running, running.browser() as browser:
        await browser.get(running.link())
        lasting.clock.move(IDLE - 10)
        assert await running.signed_in(browser) == "ana"
        lasting.clock.move(IDLE - 10)
        assert await running.signed_in(browser) == "ana", "use did not count"
        lasting.clock.move(IDLE + 1)
        assert await running.signed_in(browser) == ""
        turned_away = await browser.get("/nowhere?a=b")
        assert turned_away.status_code in (303, 404)


async def test_a_session_ends_however_much_it_is_used(lasting: Scene) -> None:
    async with lasting.running() as running, running.browser() as browser:
        await browser.get(running.link())
        for _ in range(int(ABSOLUTE / IDLE) * 2 - 1):
            lasting.clock.move(IDLE / 2)
            assert await running.signed_in(browser) == "ana"
        lasting.clock.move(IDLE / 2)
        assert await running.signed_in(browser) == ""


async def test_a_restart_keeps_sessions_and_a_stranger_s_key_does_not(scene: Scene) -> None:
    async with scene.running() as running, running.browser() as browser:
        await browser.get(running.link())
        cookies = browser.cookies
    async with scene.running() as running, running.browser() as browser:
        browser.cookies = cookies
        assert await running.signed_in(browser) == "ana"
    (scene.home / "gateway" / "session.key").unlink()
    async with scene.running() as running, running.browser() as browser:
        browser.cookies = cookies
        assert await running.signed_in(browser) == ""


async def test_signing_out_ends_the_session_at_every_gateway(scene: Scene) -> None:
    async with (
        scene.running() as one,
        scene.running() as other,
        one.browser() as browser,
        other.browser() as thief,
    ):
        await browser.get(one.link())
        thief.cookies = browser.cookies
        assert await other.signed_in(thief) == "ana"
        kept = dict(browser.cookies)
        out = await browser.post("/sign-in/out", data={"form_token": await form_token(browser)})
        assert out.status_code == 303
        assert not browser.cookies
        thief.cookies.update(kept)
        assert await other.signed_in(thief) == ""


async def test_a_changed_cookie_is_worth_nothing(scene: Scene) -> None:
    async with scene.running() as running, running.browser() as browser:
        await browser.get(running.link())
        ((name, value),) = browser.cookies.items()
        for forged in (value[:-1], f"x{value[1:]}", value.partition(".")[0], "", "../../x.y"):
            browser.cookies.set(name, forged, domain="127.0.0.1", path="/")
            assert await running.signed_in(browser) == ""


async def test_the_cookie_is_for_this_site_only(scene: Scene) -> None:
    async with scene.running() as running, running.browser() as browser:
        cookie = (await browser.get(running.link())).headers["set-cookie"].lower()
    for word in ("httponly", "samesite=lax", "path=/"):
        assert word in cookie
    assert "secure" not in cookie
    behind_tls = scene.given(public_url="https://serinus.example")
    async with behind_tls.running() as running, running.browser() as browser:
        answer = await browser.get(running.link())
        assert answer.headers["set-cookie"].startswith("__Host-")
        assert "; secure" in answer.headers["set-cookie"].lower()
        assert answer.headers["strict-transport-security"]


async def test_after_signing_in_nobody_is_sent_elsewhere(scene: Scene) -> None:
    async with scene.running() as running, running.browser() as browser:
        await browser.get(running.link())
        for wanted in ("//evil.example", "https://evil.example", "/\\evil.example", "/a\nb"):
            answer = await browser.get("/sign-in", params={"next": wanted})
            assert answer.status_code == 200, wanted
            assert "evil" not in answer.text
        on = await browser.get("/sign-in", params={"next": "/rollouts/shop?x=1"})
        assert on.headers["location"] == "/rollouts/shop?x=1"
