"""What no request gets past: other sites' pages, foreign names, floods, floods of bytes."""

from collections.abc import AsyncGenerator

import httpx
import pytest

from tests.activities.gateway.scene import Running, Scene, form_token

OUT = "/sign-in/out"


async def out(browser: httpx.AsyncClient, token: str, **headers: str) -> int:
    return (await browser.post(OUT, data={"form_token": token}, headers=headers)).status_code


async def test_a_form_of_another_session_is_refused(scene: Scene) -> None:
    async with scene.running() as running, running.browser() as ana, running.browser() as ben:
        await ana.get(running.link("ana"))
        await ben.get(running.link("ben"))
        for token in ("", "x", await form_token(ben)):
            assert await out(ana, token) == 403
        assert await running.signed_in(ana) == "ana"
        assert await out(ana, await form_token(ana)) == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_another_site_s_page_is_refused_even_with_the_right_form(
    scene: Scene, headers: dict[str, str]
) -> None:
    async with scene.running() as running, running.browser() as browser:
        await browser.get(running.link())
        token = await form_token(browser)
        assert await out(browser, token, **headers) == 403
        assert await running.signed_in(browser) == "ana"
        assert await out(browser, token, **{"sec-fetch-site": "same-origin"}) == 303


async def test_who_has_a_cookie_must_say_whose_page_asks(scene: Scene) -> None:
    async with scene.running() as running, running.browser() as browser:
        await browser.get(running.link())
        token = await form_token(browser)
        del browser.headers["origin"]
        assert await out(browser, token) == 403


async def test_a_name_that_is_not_ours_is_not_answered(scene: Scene) -> None:
    named = scene.given(hosts=("serinus.example",))
    async with named.running() as running, running.browser() as browser:
        foreign = {"host": f"evil.example:{running.port}"}
        assert (await browser.get("/sign-in", headers=foreign)).status_code == 421
        own = {"host": "serinus.example"}
        assert (await browser.get("/sign-in", headers=own)).status_code == 200
        assert (await browser.get("/healthz", headers=foreign)).status_code == 200


async def test_an_address_that_asks_too_often_has_to_wait(scene: Scene) -> None:
    async with (
        scene.given(limits={"address": 5}).running() as running,
        running.browser() as browser,
    ):
        codes = [(await browser.get("/sign-in")).status_code for _ in range(6)]
        assert codes == [200] * 5 + [429]
        assert (await browser.get("/healthz")).status_code == 200
        refused = await browser.get("/api/v1/rollouts")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["content-type"] == "application/problem+json"


async def test_a_person_is_limited_wherever_they_come_from(scene: Scene) -> None:
    limited = scene.given(limits={"person": 3})
    async with (
        limited.running() as running,
        running.browser() as ana,
        running.browser() as ben,
    ):
        await ana.get(running.link("ana"))
        await ben.get(running.link("ben"))
        codes = [(await ana.get("/sign-in")).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        assert (await ben.get("/sign-in")).status_code == 200


async def test_guessing_to_sign_in_is_limited_far_more(scene: Scene) -> None:
    limited = scene.given(limits={"sign_in": 3})
    async with limited.running() as running, running.browser() as browser:
        codes = [await guess(running, browser, number) for number in range(4)]
        assert codes == [401, 401, 401, 429]
        assert (await browser.get("/sign-in")).status_code == 200


async def guess(running: Running, browser: httpx.AsyncClient, number: int) -> int:
    token = {"authorization": f"Bearer serinus_{number}_guess"}
    return (await browser.get("/api/v1/rollouts", headers=token)).status_code


async def test_a_body_that_is_too_large_is_refused_announced_or_not(scene: Scene) -> None:
    async with scene.given(body_limit=1_000).running() as running, running.browser() as browser:
        form = {"form_token": "x" * 2_000}
        assert (await browser.post("/sign-in/token", data=form)).status_code == 413

        async def chunks() -> AsyncGenerator[bytes]:
            for _ in range(20):
                yield b"x" * 100

        kind = {"content-type": "application/x-www-form-urlencoded"}
        answer = await browser.post("/sign-in/token", content=chunks(), headers=kind)
        assert answer.status_code == 413


async def test_every_answer_carries_safe_headers_and_an_id(scene: Scene) -> None:
    async with scene.running() as running, running.browser() as browser:
        for path in ("/sign-in", "/nothing-here", "/api/v1/rollouts", "/healthz"):
            headers = (await browser.get(path)).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"]
            assert len(headers["x-request-id"]) == 32
            assert "server" not in headers


async def test_anonymous_people_see_nothing_unless_a_binding_says_so(scene: Scene) -> None:
    async with scene.running() as running, running.browser() as browser:
        assert (await browser.get("/api/v1/rollouts")).status_code == 401
        page = await browser.get("/")
        assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=%2F")
    roles = scene.home.parent / "roles.yaml"
    roles.write_text("bindings: [{role: viewer, people: ['*']}]", encoding="utf-8")
    async with scene.given(roles=roles).running() as running, running.browser() as browser:
        assert (await browser.get("/api/v1/rollouts")).status_code == 401
        roles.write_text("bindings: [{role: viewer, people: [anonymous]}]", encoding="utf-8")
        assert (await browser.get("/api/v1/rollouts")).status_code == 200
