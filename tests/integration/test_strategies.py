"""A/B by header and by cookie, blue/green, mirroring: who meets the canary, and who never does."""

from collections.abc import Mapping

from tests.integration.conftest import NewScene
from tests.integration.manifests import a_canary, a_hook, a_policy, a_shop
from tests.integration.patience import together
from tests.integration.scene import Scene
from workflows.errors import Reason
from workflows.model.plan import Routes
from workflows.model.requests import Outcome
from workflows.model.status import Verb

HEADER = {"x-user": "insider"}
COOKIE = {"cookie": "theme=dark; type=insider"}
BY_HEADER = {"headers": {"x-user": {"exact": "insider"}}}
BY_COOKIE = {"headers": {"cookie": {"regex": "^(.*?;)?\\s*(type=insider)(;.*)?$"}}}
ASK_BEFORE_PROMOTION = "confirm-promotion"


def ab(scene: Scene, match: Mapping[str, object]) -> dict[str, object]:
    """Two looks, then a gate that only a person opens."""
    halt = f"{scene.on.ports.loadtester_url}/gate/halt"
    return {
        "iterations": 2,
        "match": [match],
        "webhooks": [a_hook("ask", ASK_BEFORE_PROMOTION, halt)],
    }


async def test_an_ab_test_shows_the_canary_to_matched_users_only(new_scene: NewScene) -> None:
    async def play(scene: Scene, match: Mapping[str, object], headers: dict[str, str]) -> None:
        name = scene.name
        await scene.begin(a_canary(name, analysis=ab(scene, match)), a_shop(name, "v1"))
        async with scene.users(), scene.users(headers=tuple(headers.items())):
            await scene.apply(a_shop(name, "v2"))
            await scene.waits_at(ASK_BEFORE_PROMOTION)
            assert await scene.versions(headers=headers) == {"v2"}
            assert await scene.versions() == {"v1"}
            assert await scene.versions(headers={"x-user": "insiders", "cookie": "x=y"}) == {"v1"}
            await scene.answer(Verb.APPROVE)
            await scene.ends(Outcome.PROMOTED)
            await scene.assert_restored("v2")

    await together(play(new_scene(), BY_HEADER, HEADER), play(new_scene(), BY_COOKIE, COOKIE))


async def test_a_bad_canary_in_an_ab_test_hurts_matched_users_only(new_scene: NewScene) -> None:
    async def play(scene: Scene, match: Mapping[str, object], headers: dict[str, str]) -> None:
        name = scene.name
        await scene.begin(a_canary(name, analysis=ab(scene, match)), a_shop(name, "v1"))
        async with scene.users() as others, scene.users(headers=tuple(headers.items())) as insiders:
            await scene.apply(a_shop(name, "v2", {"ERROR_RATE": "0.5"}))
            result = await scene.result()
            assert result.outcome is Outcome.ROLLED_BACK
            assert result.reason in {Reason.GUARD_ERRORS, Reason.FAILED_CHECKS}
            await scene.assert_restored("v1", allowed={"500"})
            assert not others.seen().failed
            assert insiders.seen().failed

    await together(play(new_scene(), BY_HEADER, HEADER), play(new_scene(), BY_COOKIE, COOKIE))


def blue_green(scene: Scene) -> dict[str, object]:
    """The load tester sends the canary requests that no user sees; checks are about those."""
    url, host = scene.on.ports.users_url, f"{scene.name}-canary.{scene.slot.namespace}.localhost"
    hey = {"type": "cmd", "cmd": f"hey -z 3s -q 10 -c 2 -host {host} {url}/"}
    loadtester = scene.on.ports.loadtester_url
    return {
        "iterations": 3,
        "webhooks": [
            a_hook("load", "rollout", loadtester, metadata=hey),
            a_hook("ask", ASK_BEFORE_PROMOTION, f"{loadtester}/gate/halt"),
        ],
    }


async def test_blue_green_shows_users_the_canary_only_after_its_tests(
    new_scene: NewScene,
) -> None:
    """At the first look no test has run yet: without data the step waits."""

    async def good(scene: Scene) -> None:
        name = scene.name
        canary = a_canary(name, analysis=blue_green(scene))
        await scene.begin(canary, a_policy(name, noData="hold"), a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2"))
            status = await scene.waits_at(ASK_BEFORE_PROMOTION)
            assert status.routes == Routes(primary=100, canary=0)
            assert await scene.versions() == {"v1"}
            await scene.answer(Verb.APPROVE)
            await scene.ends(Outcome.PROMOTED)
            await scene.assert_restored("v2")

    async def bad(scene: Scene) -> None:
        name = scene.name
        canary = a_canary(name, analysis=blue_green(scene))
        await scene.begin(canary, a_policy(name, noData="hold"), a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2", {"ERROR_RATE": "0.5"}))
            result = await scene.ends(Outcome.ROLLED_BACK, Reason.FAILED_CHECKS)
            assert "request-success-rate" in result.message
            await scene.assert_restored("v1")

    await together(good(new_scene()), bad(new_scene()))


async def test_a_failing_test_hook_takes_a_release_back_before_users_come(scene: Scene) -> None:
    name = scene.name
    command = {"type": "bash", "cmd": "exit 1"}
    test = a_hook("test", "pre-rollout", scene.on.ports.loadtester_url, metadata=command)
    await scene.begin(a_canary(name, analysis={"webhooks": [test]}), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2", {"ERROR_RATE": "1"}))
        await scene.ends(Outcome.ROLLED_BACK, Reason.HOOK_FAILED)
        await scene.assert_restored("v1")


async def test_mirrored_requests_test_a_canary_whose_errors_no_user_sees(
    new_scene: NewScene,
) -> None:
    async def good(scene: Scene) -> None:
        name = scene.name
        analysis: dict[str, object] = {"mirror": True, "stepWeights": [50]}
        await scene.begin(a_canary(name, analysis=analysis), a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2"))
            await scene.ends(Outcome.PROMOTED)
            await scene.assert_restored("v2")

    async def bad(scene: Scene) -> None:
        """Without data the step would wait, so it can only be the mirrored requests that end it."""
        name = scene.name
        analysis: dict[str, object] = {"mirror": True, "stepWeights": [50]}
        await scene.begin(
            a_canary(name, analysis=analysis),
            a_policy(name, noData="hold"),
            a_shop(name, "v1"),
        )
        async with scene.users():
            await scene.apply(a_shop(name, "v2", {"ERROR_RATE": "1"}))
            result = await scene.ends(Outcome.ROLLED_BACK, Reason.FAILED_CHECKS)
            assert "request-success-rate" in result.message
            await scene.assert_restored("v1")

    await together(good(new_scene()), bad(new_scene()))
