"""A policy's gate on the real stack: who may open it, and what a seal is worth."""

import time
from collections.abc import Callable

import pytest

from tests.integration.manifests import a_canary, a_policy, a_shop
from tests.integration.scene import Scene
from worker import rollouts
from worker.gateway.keys import key_in
from workflows.approvals import sealing
from workflows.errors import Reason
from workflows.model.approval import Via
from workflows.model.decisions import Decision, Order
from workflows.model.requests import Outcome
from workflows.model.status import RolloutStatus, Verb

STEP = "before-weight-60"
GATE = {"at": "weight-60", "people": ["ana"], "groups": ["release"], "quorum": 2, "notAuthor": True}


async def released(scene: Scene, **gate: object) -> None:
    """A release that waits at the gate of its policy; users are there."""
    name = scene.name
    policy = a_policy(name, gates=[{**GATE, **gate}])
    await scene.apply(policy, a_shop(name, "v2"))
    await scene.waits_at(STEP)


async def approve(scene: Scene, said: Decision | Order, verb: Verb = Verb.APPROVE) -> RolloutStatus:
    return await rollouts.tell(scene.on.client, scene.slot, verb, said)


async def refused(scene: Scene, said: Decision | Order, verb: Verb = Verb.APPROVE) -> str:
    with pytest.raises(rollouts.RolloutRefused) as caught:
        await approve(scene, said, verb)
    return caught.value.reason


async def sealed(
    scene: Scene, said: Decision, key: bytes | None = None, now: Callable[[], float] = time.time
) -> Decision:
    """As the gateway does it."""
    key = key or key_in(scene.on.settings.seal_key_path)
    words = sealing.spoken(
        scene.slot.workflow_id, (await scene.status()).run_id, Verb.APPROVE, said
    )
    return said.model_copy(update={"seal": sealing.seal(key, words, Via.PAGE, now())})


async def test_two_people_open_the_gate_of_a_policy_and_nobody_else_does(scene: Scene) -> None:
    await scene.begin(a_canary(scene.name), a_shop(scene.name, "v1"))
    async with scene.users():
        await released(scene)
        ben = Decision(by="ben", groups=("release",), step=STEP)
        assert await refused(scene, ben) == Reason.NOT_ALLOWED_TO_APPROVE
        assert await refused(scene, Decision(by="test")) == Reason.AUTHOR_MAY_NOT_APPROVE
        assert await refused(scene, Order(by="ana"), Verb.PROMOTE) == Reason.NOT_ALLOWED_TO_APPROVE
        status = await approve(scene, Decision(by="ana", max_weight=60))
        assert status.waiting is not None
        assert [(each.by, each.proven) for each in status.waiting.given] == [("ana", False)]
        assert await refused(scene, await sealed(scene, ben, b"x" * 64)) == Reason.SEAL_INVALID
        late = await sealed(scene, ben, now=lambda: time.time() - sealing.LIFETIME - 1)
        assert await refused(scene, late) == Reason.SEAL_INVALID
        for_another = (await sealed(scene, ben)).model_copy(update={"by": "cleo"})
        assert await refused(scene, for_another) == Reason.SEAL_INVALID
        status = await scene.status()
        assert (status.routes.canary, status.waiting and len(status.waiting.given)) == (20, 1)
        await approve(scene, await sealed(scene, ben))
        await scene.waits_at("again-before-promote")
        for_all = Decision(by="ben", groups=("release",))
        await approve(scene, await sealed(scene, for_all))
        await approve(scene, Decision(by="ana"))
        await scene.ends(Outcome.PROMOTED)
    known = {(entry.actor, entry.via, entry.proven) for entry in (await scene.status()).entries}
    assert {("ana", Via.TEMPORAL, False), ("ben", Via.PAGE, True)} <= known
    assert await scene.versions() == {"v2"}


async def test_a_gate_that_nobody_opens_in_time_takes_the_release_back(scene: Scene) -> None:
    await scene.begin(a_canary(scene.name), a_shop(scene.name, "v1"))
    async with scene.users():
        await released(scene, expires="2s")
        await scene.ends(Outcome.ROLLED_BACK, Reason.GATE_EXPIRED)
        await scene.assert_restored("v1")
