"""Traefik killed in the middle of a step: only what was with it fails, and the rollout goes on."""

import httpx

from activities.local.proxy import PROGRAM as PROXY
from tests.fakes_observe import HookReceiver
from tests.integration.chaos.parts import (
    Parts,
    Weights,
    asked,
    assert_no_tick_was_repeated,
    load_hook,
    refusals,
)
from tests.integration.manifests import a_canary, a_shop
from tests.integration.patience import eventually
from tests.integration.scene import RATE, Scene
from worker.stack.users import Users
from workflows.model.requests import Outcome

AWAY = {"connection refused", "connection lost", "404"}
"""What users meet while a proxy is gone and, for a blink, while it reads its files again."""


async def test_a_rollout_outlives_its_proxy(
    scene: Scene, receiver: HookReceiver, parts: Parts
) -> None:
    name = scene.name
    analysis = {"threshold": 10_000, "webhooks": [load_hook(receiver, *refusals())]}
    await scene.begin(a_canary(name, analysis=analysis), a_shop(name, "v1"))
    async with scene.users():
        await scene.apply(a_shop(name, "v2"))
        await asked(receiver, "/load", times=2)
    async with Users(scene.on.ports.users_url, scene.host, RATE) as unlucky:
        await eventually(lambda: sent(unlucky), "users are served")
        await parts.kill(PROXY)
        await eventually(lambda: serves(scene), "the proxy serves again")
    # Nobody was there to answer, or one who did not know the shop yet; never the wrong answer.
    assert set(unlucky.seen().failures) <= AWAY, str(unlucky.seen())
    async with scene.users():
        assert await Weights(scene).look() == 20
        await asked(receiver, "/load", times=len(receiver.keys("/load")) + 2)
        receiver.answers["/load"].clear()
        await scene.ends(Outcome.PROMOTED)
        await scene.assert_restored("v2")
    assert_no_tick_was_repeated(receiver.keys("/load"))


async def serves(scene: Scene) -> bool:
    try:
        return await Weights(scene).look() == 20
    except (httpx.HTTPError, KeyError):
        return False


async def sent(users: Users) -> bool:
    return users.sent > 0
