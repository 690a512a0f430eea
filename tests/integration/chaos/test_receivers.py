"""Temporal away and gateways killed while Flux delivers: nothing is lost, nothing is done twice."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest

from tests.integration.chaos.gateways import FluxSender, GatewayProcess, a_gateway
from tests.integration.chaos.parts import Parts
from tests.integration.conftest import NewScene
from tests.integration.hooks import a_trigger, edit, flux_body, keep_secret, past, signed
from tests.integration.manifests import HELD, a_canary, a_shop
from tests.integration.patience import together
from tests.integration.scene import RealStack, Scene
from worker.stack.stack import TEMPORAL
from workflows.model.requests import Outcome

CHANGED, UNCHANGED = 6, 3
DELIVERIES = 1_000
OVER = 8.0
"""Seconds over which they come."""


@pytest.fixture
async def http() -> AsyncGenerator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=30) as http:
        yield http


async def test_temporal_down_is_503_and_the_rollout_starts_when_the_sender_retries(
    scene: Scene, parts: Parts, http: httpx.AsyncClient
) -> None:
    name, stack = scene.name, scene.on
    keep_secret(stack)
    await scene.begin(a_shop(name, "1"), a_canary(name), a_trigger(name, "submit"))
    await edit(scene, a_shop(name, "2"))
    body = flux_body(name)
    async with scene.users(), a_gateway(stack) as gateway:
        await parts.take_away(TEMPORAL)
        url = f"{gateway.url}/hooks/flux/flux"
        refused = await http.post(url, content=body, headers=signed(body))
        assert refused.status_code == 503, refused.text
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["content-type"] == "application/problem+json"
        assert await scene.history() == [Outcome.INITIALISED]
        sending = asyncio.create_task(FluxSender(http, gateway.url, 2.0).deliver(body))
        await parts.made_whole()
        assert await sending in (200, 202)
        assert await past(scene, 2) == [Outcome.INITIALISED, Outcome.PROMOTED]


async def test_gateway_killed_in_the_middle_of_a_thousand_deliveries(
    new_scene: NewScene, stack: RealStack, http: httpx.AsyncClient
) -> None:
    keep_secret(stack)
    scenes = [new_scene() for _ in range(CHANGED + UNCHANGED)]
    aborted = new_scene()
    changed = scenes[:CHANGED]
    await together(*(begun(scene) for scene in scenes), held(aborted))
    await together(*(edit(scene, a_shop(scene.name, "2")) for scene in changed))
    abort = flux_body(aborted.name, "HealthCheckFailed")
    bodies = [flux_body(scenes[number % len(scenes)].name) for number in range(DELIVERIES - 20)]
    bodies[10::50] = [abort] * len(bodies[10::50])
    async with a_gateway(stack) as gateway:
        await gateway.kill()
        # Flux' own times and half as much again, or more where a gateway starts slowly.
        scale = max(1.5, 1.5 * await gateway.start())
        sender = FluxSender(http, gateway.url, scale)
        deliveries = [asyncio.create_task(sent_at(sender, number, body))
                      for number, body in enumerate(bodies)]  # fmt: skip
        await killed_twice(gateway)
        answers = await asyncio.gather(*deliveries)
    assert set(answers) <= {200, 202}, {each: answers.count(each) for each in set(answers)}
    for scene in changed:
        await past(scene, 2)
    await past(aborted, 2)
    released = [Outcome.INITIALISED, Outcome.PROMOTED]
    assert [await scene.history() for scene in changed] == [released] * CHANGED
    assert [await scene.history() for scene in scenes[CHANGED:]] == [released[:1]] * UNCHANGED
    assert await aborted.history() == [Outcome.INITIALISED, Outcome.ROLLED_BACK]


async def begun(scene: Scene) -> None:
    analysis: dict[str, object] = {"metrics": [], "iterations": 1}
    canary = a_canary(scene.name, analysis=analysis)
    await scene.begin(a_shop(scene.name, "1"), canary, a_trigger(scene.name, "submit"))


async def held(scene: Scene) -> None:
    """A rollout that waits to be aborted."""
    canary = a_canary(scene.name, analysis={"interval": HELD})
    await scene.begin(a_shop(scene.name, "1"), canary, a_trigger(scene.name, "abort"))
    await scene.apply(a_shop(scene.name, "2"))
    await scene.at("weight-20")


async def sent_at(sender: FluxSender, number: int, body: bytes) -> int | None:
    await asyncio.sleep(OVER * number / DELIVERIES)
    return await sender.deliver(body)


async def killed_twice(gateway: GatewayProcess) -> None:
    for _ in range(2):
        await asyncio.sleep(OVER / 5)
        await gateway.kill()
        await gateway.start()
