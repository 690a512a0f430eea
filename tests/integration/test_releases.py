"""A release under constant traffic: promoted when it is good, taken back when it is not."""

from tests.integration.conftest import NewScene
from tests.integration.manifests import DURATION, HELD, SUCCESS_RATE, a_canary, a_policy, a_shop
from tests.integration.patience import together
from tests.integration.scene import Scene
from workflows.errors import Reason
from workflows.model.requests import Outcome

NO_GUARD = {"enabled": False}


async def test_a_good_release_is_promoted_and_no_user_request_fails(scene: Scene) -> None:
    name = scene.name
    slow_is_fine = {**DURATION, "thresholdRange": {"max": 8000}}
    canary = a_canary(
        name, analysis={"stepWeights": [10, 40, 80], "metrics": [SUCCESS_RATE, slow_is_fine]}
    )
    await scene.begin(canary, a_shop(name, "v1", replicas=2))
    async with scene.users():
        await scene.apply(a_shop(name, "v2", replicas=2))
        await scene.ends(Outcome.PROMOTED)
        await scene.assert_restored("v2")


async def test_a_release_is_judged_by_checks_where_the_guard_is_off(new_scene: NewScene) -> None:
    async def errors(scene: Scene) -> None:
        name = scene.name
        policy = a_policy(name, guard=NO_GUARD)
        await scene.begin(a_canary(name), policy, a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2", {"ERROR_RATE": "0.5"}))
            result = await scene.ends(Outcome.ROLLED_BACK, Reason.FAILED_CHECKS)
            assert "request-success-rate" in result.message
            await scene.assert_restored("v1", allowed={"500"})

    async def slowness(scene: Scene) -> None:
        name = scene.name
        policy = a_policy(name, guard=NO_GUARD, noData="hold")
        canary = a_canary(name, analysis={"metrics": [DURATION], "stepWeights": [30]})
        await scene.begin(canary, policy, a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2", {"LATENCY_MS": "1300"}))
            result = await scene.ends(Outcome.ROLLED_BACK, Reason.FAILED_CHECKS)
            assert "request-duration" in result.message
            await scene.assert_restored("v1")

    await together(errors(new_scene()), slowness(new_scene()))


async def test_the_guard_ends_a_step_between_two_looks_of_the_checks(new_scene: NewScene) -> None:
    async def errors(scene: Scene) -> None:
        name = scene.name
        canary = a_canary(name, analysis={"interval": HELD, "stepWeights": [50]})
        await scene.begin(canary, a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2", {"ERROR_RATE": "0.5"}))
            await scene.ends(Outcome.ROLLED_BACK, Reason.GUARD_ERRORS)
            await scene.assert_restored("v1", allowed={"500"})

    async def unready(scene: Scene) -> None:
        name = scene.name
        canary = a_canary(name, analysis={"interval": HELD, "stepWeights": [50]})
        policy = a_policy(name, guard={"notReadyAfter": "2s"})
        await scene.begin(canary, policy, a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2"))
            await scene.at("weight-50")
            await scene.break_canary(notReady=1)
            await scene.ends(Outcome.ROLLED_BACK, Reason.GUARD_NOT_READY)
            await scene.assert_restored("v1")

    await together(errors(new_scene()), unready(new_scene()))


async def test_a_canary_that_never_becomes_ready_meets_no_user(new_scene: NewScene) -> None:
    async def taken_back(scene: Scene, faults: dict[str, str]) -> None:
        """A setting that cannot be read crashes every process as it starts."""
        name = scene.name
        await scene.begin(a_canary(name, deadline=5), a_shop(name, "v1"))
        async with scene.users():
            await scene.apply(a_shop(name, "v2", faults))
            await scene.ends(Outcome.ROLLED_BACK, Reason.PROGRESS_DEADLINE)
            await scene.assert_restored("v1")

    await together(
        taken_back(new_scene(), {"ERROR_RATE": "not a number"}),
        taken_back(new_scene(), {"NOT_READY": "true"}),
    )


async def test_a_canary_that_crashes_again_and_again_under_traffic_is_taken_back(
    scene: Scene,
) -> None:
    name = scene.name
    canary = a_canary(name, analysis={"interval": "2s", "iterations": 1000, "match": [EVERYBODY]})
    await scene.begin(canary, a_shop(name, "v1"))
    async with scene.users(headers=(("x-user", "anybody"),)):
        await scene.apply(a_shop(name, "v2", {"CRASH_AFTER": "3"}))
        result = await scene.result()
        assert result.outcome is Outcome.ROLLED_BACK
        assert result.reason in {
            Reason.GUARD_ERRORS,
            Reason.GUARD_NOT_READY,
            Reason.FAILED_CHECKS,
        }
        await scene.assert_restored("v1", allowed={"502"})


EVERYBODY = {"headers": {"x-user": {"regex": ".+"}}}


async def test_a_process_without_a_canary_is_replaced_without_a_failed_request(
    scene: Scene,
) -> None:
    name = scene.name
    await scene.begin(a_shop(name, "v1", replicas=2))
    async with scene.users():
        await scene.apply(a_shop(name, "v2", replicas=2))
        await scene.ends(Outcome.PROMOTED)
        await scene.assert_restored("v2")
