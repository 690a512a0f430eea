"""Signing in at a real OpenID Connect provider: code flow with PKCE, keys, clocks, refusals."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.activities.gateway.scene import Running, Scene
from tests.oidc.people import sign_in
from tests.oidc.provider import SECRET, OidcProvider, free_port, new_keys
from workflows.model.identity import Slot
from workflows.model.status import Verb

SHOP, BANK = Slot(namespace="shop", name="web"), Slot(namespace="bank", name="web")
ROLES = """
bindings:
  - {role: approver, groups: [leads], namespaces: [shop]}
  - {role: viewer, groups: [shop-team]}
"""


@pytest.fixture
def provider(tmp_path: Path) -> OidcProvider:
    return OidcProvider(tmp_path, f"http://127.0.0.1:{free_port()}/sign-in/oidc/back")


def port_of(provider: OidcProvider) -> int:
    port = urlsplit(provider.redirect).port
    assert port is not None
    return port


@asynccontextmanager
async def gateway(scene: Scene, provider: OidcProvider, **oidc: object) -> AsyncGenerator[Running]:
    secret = scene.home.parent / "client-secret"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    roles = scene.home.parent / "roles.yaml"
    roles.write_text(ROLES, encoding="utf-8")
    settings = {
        "issuer": provider.issuer,
        "client_id": "serinus",
        "client_secret_file": secret,
        **oidc,
    }
    given = scene.given(port=port_of(provider), roles=roles, oidc=settings)
    async with given.running() as running:
        yield running


async def test_the_provider_says_who_somebody_is_and_in_which_groups(
    scene: Scene, provider: OidcProvider
) -> None:
    async with (
        provider.running(),
        gateway(scene, provider) as running,
        running.browser() as browser,
    ):
        last = await sign_in(browser, "/sign-in/oidc?next=/sign-in", "ana")
        assert last.status_code == 200, last.text
        assert await running.signed_in(browser) == "ana@shop.example"
        ana = await running.person(browser)
        assert ana is not None
        assert ana.groups == ("shop-team", "leads")
        assert ana.may(Verb.APPROVE, SHOP)
        assert not ana.may(Verb.APPROVE, BANK)
        assert ana.may_see(BANK)


async def test_a_public_client_signs_in_by_pkce_alone(scene: Scene, provider: OidcProvider) -> None:
    own = {"client_id": "public", "client_secret_file": None}
    async with (
        provider.running(),
        gateway(scene, provider, **own) as running,
        running.browser() as browser,
    ):
        away = await browser.get("/sign-in/oidc")
        asked = parse_qs(urlsplit(away.headers["location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        await sign_in(browser, "/sign-in/oidc", "ben")
        assert await running.signed_in(browser) == "ben@shop.example"


async def test_name_and_groups_come_from_the_claims_that_are_set(
    scene: Scene, provider: OidcProvider
) -> None:
    claims = {"name_claim": "preferred_username", "groups_claim": "realm_access.roles"}
    async with (
        provider.running(),
        gateway(scene, provider, **claims) as running,
        running.browser() as browser,
    ):
        await sign_in(browser, "/sign-in/oidc", "ana")
        ana = await running.person(browser)
        assert ana is not None
        assert (ana.name, ana.groups) == ("ana", ("shop-team", "leads"))


async def test_an_address_that_is_not_verified_names_nobody(
    scene: Scene, provider: OidcProvider
) -> None:
    async with (
        provider.running(),
        gateway(scene, provider) as running,
        running.browser() as browser,
    ):
        last = await sign_in(browser, "/sign-in/oidc", "eve")
        assert last.status_code == 403
        assert "not verified" in last.text
        assert await running.signed_in(browser) == ""


async def test_keys_may_be_rotated_while_the_gateway_runs(
    scene: Scene, provider: OidcProvider
) -> None:
    async with gateway(scene, provider) as running:
        async with provider.running(), running.browser() as browser:
            await sign_in(browser, "/sign-in/oidc", "ana")
            assert await running.signed_in(browser)
        provider.keys = new_keys()
        scene.clock.move(10)
        async with provider.running(), running.browser() as browser:
            last = await sign_in(browser, "/sign-in/oidc?next=/sign-in", "ben")
            assert last.status_code == 200, last.text
            assert await running.signed_in(browser) == "ben@shop.example"


@pytest.mark.parametrize(("ahead", "fits"), [(-50, True), (50, True), (-90, False), (3_700, False)])
async def test_clocks_may_differ_by_what_is_set(
    scene: Scene, provider: OidcProvider, ahead: float, fits: bool
) -> None:
    scene.clock.move(ahead)
    async with (
        provider.running(),
        gateway(scene, provider) as running,
        running.browser() as browser,
    ):
        last = await sign_in(browser, "/sign-in/oidc?next=/sign-in", "ana")
        assert last.status_code == (200 if fits else 403), last.text
        assert bool(await running.signed_in(browser)) is fits


async def test_an_answer_that_another_browser_asked_for_counts_for_nothing(
    scene: Scene, provider: OidcProvider
) -> None:
    async with (
        provider.running(),
        gateway(scene, provider) as running,
        running.browser() as victim,
        running.browser() as thief,
    ):
        away = await thief.get("/sign-in/oidc")
        state = parse_qs(urlsplit(away.headers["location"]).query)["state"][0]
        refused = await victim.get(f"/sign-in/oidc/back?state={state}&code=stolen")
        assert refused.status_code == 403
        assert "not begun here" in refused.text
        wrong = await thief.get(f"/sign-in/oidc/back?state={state}&code=invented")
        assert wrong.status_code == 403
        assert await running.signed_in(victim) == await running.signed_in(thief) == ""


async def test_a_provider_that_is_down_is_a_503_and_tried_again(
    scene: Scene, provider: OidcProvider
) -> None:
    async with gateway(scene, provider) as running, running.browser() as browser:
        down = await browser.get("/sign-in/oidc")
        assert down.status_code == 503
        assert down.headers["retry-after"]
        async with provider.running():
            assert (await browser.get("/sign-in/oidc")).status_code == 303
