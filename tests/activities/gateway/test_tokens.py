"""Static tokens of programs, and people whom a trusted proxy names."""

import pytest

from tests.activities.gateway.scene import Running, Scene, form_token
from worker.gateway.tokens import TokenFile, TokenRefused
from workflows.model.approval import Via

ROLES = "bindings: [{role: operator, groups: [deployers], namespaces: [shop]}]"


def tokens(scene: Scene) -> TokenFile:
    return TokenFile(scene.home / "gateway" / "tokens.json")


async def answer(running: Running, token: str, **headers: str) -> int:
    async with running.browser(authorization=f"Bearer {token}", **headers) as program:
        del program.headers["origin"]
        return (await program.get("/api/v1/rollouts")).status_code


async def test_a_token_is_known_until_it_is_revoked(scene: Scene) -> None:
    async with scene.running() as running:
        token = tokens(scene).add("ci", ("deployers",), scene.clock())
        assert await answer(running, token) == 200
        assert await answer(running, token) == 200
        assert await answer(running, token[:-1] + ("a" if token[-1] != "a" else "b")) == 401
        assert tokens(scene).revoke("ci") == 1
        assert await answer(running, token) == 401
        with pytest.raises(TokenRefused, match="no token 'ci'"):
            tokens(scene).revoke("ci")


async def test_a_token_may_end_by_itself(scene: Scene) -> None:
    async with scene.running() as running:
        token = tokens(scene).add("ci", (), scene.clock(), lifetime=60.0)
        assert await answer(running, token) == 200
        scene.clock.move(61)
        assert await answer(running, token) == 401


async def test_the_file_holds_no_token(scene: Scene) -> None:
    token = tokens(scene).add("ci", (), scene.clock())
    kept = tokens(scene).path.read_text(encoding="utf-8")
    assert token.rpartition("_")[2] not in kept
    assert tokens(scene).path.stat().st_mode & 0o777 == 0o600


async def test_a_wrong_token_is_refused_even_beside_a_good_session(scene: Scene) -> None:
    async with scene.running() as running, running.browser() as browser:
        await browser.get(running.link())
        wrong = {"authorization": "Bearer serinus_x_y"}
        assert (await browser.get("/api/v1/rollouts", headers=wrong)).status_code == 401


async def test_a_browser_signs_in_with_a_token_too(scene: Scene) -> None:
    token = tokens(scene).add("ana", ("deployers",), scene.clock())
    async with scene.running() as running, running.browser() as browser:
        form = {"token": token, "next": "/plan", "form_token": await form_token(browser)}
        wrong = await browser.post("/sign-in/token", data={**form, "token": "serinus_x_y"})
        assert wrong.status_code == 401
        welcome = await browser.post("/sign-in/token", data=form)
        assert (welcome.status_code, welcome.headers["location"]) == (303, "/plan")
        person = await running.person(browser)
        assert person is not None
        assert (person.name, person.groups, person.via) == ("ana", ("deployers",), Via.PAGE)


async def test_only_a_listed_proxy_may_say_who_asks(scene: Scene) -> None:
    said = {"x-auth-user": "ana", "x-auth-groups": "shop-team, leads"}
    names = {"user_header": "X-Auth-User", "groups_header": "X-Auth-Groups"}
    near = scene.given(proxy={"peers": ["127.0.0.0/8"], **names})
    async with near.running() as running, running.browser(**said) as browser:
        assert await running.signed_in(browser) == "ana"
        twice = [*browser.headers.raw, (b"x-auth-user", b"ben")]
        assert (await browser.get("/api/v1/rollouts", headers=twice)).status_code == 401
        out = {"form_token": await form_token(browser)}
        assert (await browser.post("/sign-in/out", data=out)).status_code == 303
        forged = await browser.post("/sign-in/out", data={"form_token": "x"})
        assert forged.status_code == 403
    far = scene.given(proxy={"peers": ["10.0.0.0/8"], **names})
    lying = {**said, "x-forwarded-for": "10.0.0.1"}
    async with far.running() as running, running.browser(**lying) as browser:
        assert await running.signed_in(browser) == ""
