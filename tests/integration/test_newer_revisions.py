"""The target changes while a rollout runs: a newer revision, the promoted one, no manifest."""

import pytest

from tests.integration.conftest import NewScene
from tests.integration.patience import together
from tests.integration.phases import PHASES, Phased
from worker import rollouts
from workflows.errors import Reason
from workflows.model.process import Process, revision
from workflows.model.requests import Outcome
from workflows.model.status import Verb

BEFORE_PROMOTION = tuple(phase for phase in PHASES if phase != "promote")


def revision_of(phased: Phased, version: str) -> str:
    process = phased.shop(version)
    assert isinstance(process, Process)
    return revision(process.spec.template)


async def test_a_newer_revision_restarts_a_release_in_every_phase(new_scene: NewScene) -> None:
    """During the promotion it is too late to take back: the newer one follows."""

    async def play(phase: str) -> None:
        phased = Phased(new_scene(), supersede="restart")
        scene = phased.scene
        await phased.begin()
        async with scene.users():
            await phased.reach(phase)
            await scene.apply(phased.canary("1s"), phased.shop("v3"))
            await phased.let_go()
            result = await scene.ends(Outcome.PROMOTED)
            assert result.revision == revision_of(phased, "v3")
            await scene.assert_restored("v3")
        second = Outcome.PROMOTED if phase == "promote" else Outcome.SUPERSEDED
        assert await scene.history() == [Outcome.INITIALISED, second, Outcome.PROMOTED]

    await together(*(play(phase) for phase in PHASES))


async def test_a_queued_revision_follows_the_one_before_it(new_scene: NewScene) -> None:
    """Once the promotion has begun, a newer revision waits for its end whatever the policy says."""

    async def play(phase: str, supersede: str) -> None:
        phased = Phased(new_scene(), supersede=supersede)
        scene = phased.scene
        await phased.begin()
        async with scene.users():
            await phased.reach(phase)
            await scene.apply(phased.canary("1s"), phased.shop("v3"))
            assert (await scene.status()).queued == revision_of(phased, "v3")
            if phase != "promote":
                await scene.tell(Verb.PROMOTE)
            await phased.let_go()
            await scene.ends(Outcome.PROMOTED)
            await scene.assert_restored("v3")
        assert await scene.history() == [Outcome.INITIALISED, Outcome.PROMOTED, Outcome.PROMOTED]

    await together(
        play("before-start", "queue"), play("weights", "queue"), play("promote", "refuse")
    )


async def test_a_refused_revision_changes_nothing_until_it_is_applied_again(
    new_scene: NewScene,
) -> None:
    async def play(phase: str) -> None:
        phased = Phased(new_scene(), supersede="refuse")
        scene = phased.scene
        await phased.begin()
        async with scene.users():
            await phased.reach(phase)
            with pytest.raises(rollouts.RolloutRefused, match="supersede: refuse"):
                await scene.apply(phased.canary("1s"), phased.shop("v3"))
            await scene.tell(Verb.PROMOTE)
            await phased.let_go()
            await scene.ends(Outcome.PROMOTED)
            await scene.assert_restored("v2")
            await scene.apply(phased.shop("v3"), again=True)
            await scene.ends(Outcome.PROMOTED)
            await scene.assert_restored("v3")

    await together(*(play(phase) for phase in ("start", "gate")))


async def test_going_back_to_the_promoted_revision_ends_the_release_in_every_phase(
    new_scene: NewScene,
) -> None:
    async def play(phase: str) -> None:
        phased = Phased(new_scene())
        scene = phased.scene
        await phased.begin()
        async with scene.users():
            await phased.reach(phase)
            await scene.apply(phased.shop("v1"))
            await scene.ends(Outcome.WITHDRAWN, Reason.REVERTED)
            await scene.assert_restored("v1")

    await together(*(play(phase) for phase in BEFORE_PROMOTION))


async def test_a_deleted_canary_leaves_the_primary_serving_in_every_phase(
    new_scene: NewScene,
) -> None:
    async def play(phase: str | None) -> None:
        phased = Phased(new_scene())
        scene = phased.scene
        await phased.begin()
        async with scene.users():
            if phase is not None:
                await phased.reach(phase)
            await scene.delete_canary()
            await scene.ends(Outcome.REVERTED)
            await scene.assert_restored("v1")

    await together(*(play(phase) for phase in (None, *BEFORE_PROMOTION)))
