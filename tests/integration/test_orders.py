"""What people tell a running rollout: pause, resume, promote and abort, in every phase."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.fakes_observe import HookReceiver
from tests.integration.conftest import NewScene
from tests.integration.manifests import HELD, a_canary, a_hook, a_shop
from tests.integration.patience import eventually, together
from tests.integration.phases import PHASES, Phased
from tests.integration.scene import Scene
from worker import rollouts
from workflows.errors import Reason
from workflows.model.plan import Routes
from workflows.model.requests import Outcome
from workflows.model.status import RolloutStatus, StepState, Verb


async def test_abort_takes_a_release_back_in_every_phase(new_scene: NewScene) -> None:
    async def play(phase: str) -> None:
        scene = new_scene()
        phased = Phased(scene)
        await phased.begin()
        async with scene.users():
            await phased.reach(phase)
            await scene.tell(Verb.ABORT, "p99")
            result = await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
            assert result.message == "aborted by ana: p99"
            await scene.assert_restored("v1")

    await together(*(play(phase) for phase in PHASES))


async def test_promote_skips_gates_and_analysis_in_every_phase(new_scene: NewScene) -> None:
    async def play(phase: str) -> None:
        scene = new_scene()
        phased = Phased(scene)
        await phased.begin()
        async with scene.users():
            await phased.reach(phase)
            await scene.tell(Verb.PROMOTE)
            phased.may_start()
            await scene.ends(Outcome.PROMOTED)
            await scene.assert_restored("v2")

    phases = [phase for phase in PHASES if phase != "promote"]
    await together(*(play(phase) for phase in phases))


async def test_a_promotion_by_hand_gives_the_canary_no_more_users(scene: Scene) -> None:
    name = scene.name
    await scene.begin(a_canary(name, analysis={"interval": HELD}), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await scene.at("weight-20")
        await scene.tell(Verb.PROMOTE)
        await scene.ends(Outcome.PROMOTED)
        steps = {step.name: step.state for step in (await scene.status()).steps}
        assert steps["weight-60"] is StepState.SKIPPED
        await scene.assert_restored("v2")


async def test_a_paused_release_stays_where_it_is_until_it_is_resumed(
    scene: Scene, receiver: HookReceiver
) -> None:
    async with paused_at_20_percent(scene, receiver) as held:
        looks = len(receiver.keys("/watch"))

        async def seen_twice_more() -> bool:
            return len(receiver.keys("/watch")) >= looks + 2

        await eventually(seen_twice_more, "the held canary is still looked at")
        after = await scene.status()
        assert (after.position, after.routes) == (held.position, held.routes)
        assert await scene.versions() == {"v1", "v2"}
        await scene.tell(Verb.RESUME)
        await scene.ends(Outcome.PROMOTED)
        await scene.assert_restored("v2")


async def test_a_bad_canary_is_taken_back_while_its_release_is_paused(
    scene: Scene, receiver: HookReceiver
) -> None:
    async with paused_at_20_percent(scene, receiver):
        await scene.break_canary(errorRate=0.8)
        result = await scene.result()
        assert result.outcome is Outcome.ROLLED_BACK
        assert result.reason in {Reason.GUARD_ERRORS, Reason.FAILED_CHECKS}
        await scene.assert_restored("v1", allowed={"500"})


@asynccontextmanager
async def paused_at_20_percent(
    scene: Scene, receiver: HookReceiver
) -> AsyncGenerator[RolloutStatus]:
    """Paused at a gate and then let through it: held before the step that comes after."""
    name = scene.name
    check = f"{scene.on.ports.loadtester_url}/gate/check"
    hooks = [
        a_hook("watch", "rollout", f"{receiver.url}/watch"),
        a_hook("ask", "confirm-traffic-increase", check),
    ]
    analysis: dict[str, object] = {"stepWeights": [20, 60], "webhooks": hooks}
    await scene.begin(a_canary(name, analysis=analysis), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await scene.waits_at("traffic-20")
        await scene.answer(Verb.APPROVE)
        await scene.waits_at("traffic-60")
        paused = await scene.tell(Verb.PAUSE)
        assert Verb.RESUME in paused.allowed
        held = await scene.answer(Verb.APPROVE)
        assert held.paused
        assert held.routes == Routes(primary=80, canary=20)
        assert [step.name for step in held.steps][held.position] == "weight-60"
        await scene.turn_gate("open")
        yield held


async def test_an_order_that_comes_too_late_is_refused_and_changes_nothing(scene: Scene) -> None:
    name = scene.name
    await scene.begin(a_canary(name), a_shop(name, "v1"))
    async with scene.users():
        with pytest.raises(rollouts.NoRollout) as caught:
            await scene.tell(Verb.ABORT)
        assert str(caught.value) == f"no rollout is running for {scene.slot.key}"
        await scene.assert_restored("v1")
