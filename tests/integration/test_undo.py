"""Going back: to the revision before, and what a rollback undoes besides the traffic."""

import pytest
from aiohttp import web
from temporalio.client import WorkflowFailureError

from tests.fakes_observe import HookReceiver
from tests.integration.manifests import HELD, a_canary, a_policy, a_shop
from tests.integration.patience import eventually
from tests.integration.scene import Scene
from worker import rollouts
from workflows.errors import Reason
from workflows.model.decisions import SkipUndo
from workflows.model.requests import Outcome
from workflows.model.status import Verb


async def test_undo_releases_the_revision_before_and_again_the_one_after(scene: Scene) -> None:
    name = scene.name
    canary = a_canary(name, analysis={"stepWeights": [50]})
    await scene.begin(canary, a_shop(name, "v1"))
    await undo(scene)
    with pytest.raises(WorkflowFailureError):
        await scene.result()
    assert "has no revision before" in await rollouts.ending(scene.on.client, scene.slot)
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await scene.ends(Outcome.PROMOTED)
        for version in ("v1", "v2"):
            await undo(scene)
            await scene.ends(Outcome.PROMOTED)
            await scene.assert_restored(version)


async def test_undo_hooks_of_begun_steps_are_called_in_reverse_once_traffic_is_back(
    scene: Scene, receiver: HookReceiver
) -> None:
    name = scene.name
    refusals = (web.Response(status=503), web.Response(status=503))
    hooks = (
        ("flags", "start", receiver.at("/flags")),
        ("cache", "weight-20", receiver.at("/cache", *refusals)),
        ("mail", "weight-60", receiver.at("/mail")),
    )
    undo_hooks = [{"name": hook, "after": after, "url": url} for hook, after, url in hooks]
    canary = a_canary(name, analysis={"interval": HELD})
    await scene.begin(canary, a_policy(name, undo=undo_hooks), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await scene.at("weight-20")
        await scene.tell(Verb.ABORT)
        await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
        called = [request.path for request in receiver.received]
        assert called == ["/cache", "/cache", "/cache", "/flags"]
        assert len(set(receiver.keys("/cache"))) == 1
        await scene.assert_restored("v1")


async def test_a_person_gives_up_an_undo_hook_that_never_succeeds(
    scene: Scene, receiver: HookReceiver
) -> None:
    name = scene.name
    closed = receiver.at("/cache", *(web.Response(status=503) for _ in range(1_000)))
    owed = [
        {"name": "flags", "after": "start", "url": receiver.at("/flags")},
        {"name": "cache", "after": "weight-20", "url": closed},
    ]
    canary = a_canary(name, analysis={"interval": HELD})
    await scene.begin(canary, a_policy(name, undo=owed), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await scene.at("weight-20")
        await scene.tell(Verb.ABORT)

        async def tried() -> bool:
            return len(receiver.keys("/cache")) >= 2

        await eventually(tried, "the hook is tried again")
        assert (await scene.status()).undo_owed == ("cache", "flags")
        await rollouts.tell(scene.on.client, scene.slot, Verb.SKIP, SkipUndo(undo="cache"))
        await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
        assert len(receiver.keys("/flags")) == 1
        await scene.assert_restored("v1")


async def test_a_promoted_release_owes_no_undo(scene: Scene, receiver: HookReceiver) -> None:
    name = scene.name
    owed = [{"name": "flags", "after": "start", "url": receiver.at("/flags")}]
    canary = a_canary(name, analysis={"stepWeights": [50]})
    await scene.begin(canary, a_policy(name, undo=owed), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await scene.ends(Outcome.PROMOTED)
        await scene.assert_restored("v2")
    assert not receiver.received


async def undo(scene: Scene) -> None:
    """`serinus undo`."""
    await rollouts.release_previous(scene.on.client, scene.slot, "ana", "it was better before")
