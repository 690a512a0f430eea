"""The stock `temporal` command line: it starts rollouts, asks them, and gives every order.

What it is told to do are the lines that a rollout shows of itself, word for word.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.integration.manifests import a_canary, a_hook, a_shop
from tests.integration.patience import eventually
from tests.integration.scene import RealStack, Scene
from worker.applying import Applier
from workflows.errors import Reason
from workflows.model.requests import Outcome
from workflows.model.status import Phase, Verb

GATE = "confirm-promotion"


async def shell(stack: RealStack, line: str) -> tuple[int, str, str]:
    """Type a line; the stack's Temporal is known by the stock variable."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.defpath))
    process = await asyncio.create_subprocess_shell(
        line,
        env={"PATH": path, "TEMPORAL_ADDRESS": stack.ports.temporal_address},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def typed(stack: RealStack, line: str) -> str:
    code, out, err = await shell(stack, line)
    assert code == 0, err
    return out


async def shown_lines(scene: Scene) -> list[str]:
    """The lines to type that a rollout shows to those who look at it with stock tools."""
    out = await typed(scene.on, f"temporal workflow metadata -w {scene.slot.workflow_id}")
    return [line.strip() for line in out.splitlines() if line.strip().startswith("temporal ")]


async def give(scene: Scene, verb: Verb) -> None:
    [line] = [line for line in await shown_lines(scene) if f"--name {verb} " in line]
    await typed(scene.on, line)


async def start(scene: Scene, version: str) -> None:
    """Nobody but the stock command line tells the rollout to begin."""
    await asyncio.to_thread(Applier(scene.on.home).apply, [a_shop(scene.name, version)])
    start = f'{{"namespace":"default","name":"{scene.name}"}}'
    await typed(
        scene.on,
        "temporal workflow start --type Rollout --task-queue rollouts"
        f" --workflow-id rollout/local/default/{scene.name} -i '{start}'",
    )


async def begin(scene: Scene) -> None:
    gate = a_hook("ask", GATE, f"{scene.on.ports.loadtester_url}/gate/check")
    analysis = {"stepWeights": [50], "webhooks": [gate]}
    await scene.begin(a_canary(scene.name, analysis=analysis), a_shop(scene.name, "v1"))


async def test_the_stock_command_line_takes_a_rollout_to_its_end(scene: Scene) -> None:
    await begin(scene)
    async with scene.users():
        await start(scene, "v2")
        await scene.waits_at(GATE)
        [query] = [line for line in await shown_lines(scene) if " query " in line]
        [status] = json.loads(await typed(scene.on, f"{query} --output json"))["queryResult"]
        assert (status["phase"], status["waiting"]["step"]) == (Phase.WAITING_PROMOTION, GATE)
        await give(scene, Verb.PAUSE)
        assert (await scene.status()).paused
        await give(scene, Verb.RESUME)
        assert not (await scene.status()).paused
        await give(scene, Verb.APPROVE)
        await scene.ends(Outcome.PROMOTED)
        assert [entry.actor for entry in (await scene.status()).entries].count("<you>") == 3
        await scene.assert_restored("v2")


async def test_the_stock_command_line_takes_a_rollout_back(scene: Scene) -> None:
    await begin(scene)
    async with scene.users():
        await start(scene, "v2")
        await scene.waits_at(GATE)
        await give(scene, Verb.ABORT)
        await scene.ends(Outcome.ROLLED_BACK, Reason.ABORTED)
        await scene.assert_restored("v1")
        await start(scene, "v2")
        await scene.waits_at(GATE)
        await give(scene, Verb.REJECT)
        await scene.ends(Outcome.ROLLED_BACK, Reason.REJECTED)
        await start(scene, "v2")
        await scene.waits_at(GATE)
        await typed(scene.on, f"temporal workflow cancel -w {scene.slot.workflow_id}")
        await eventually(lambda: is_cancelled(scene), "the rollout is cancelled")
        assert (await scene.status()).reason is Reason.CANCELLED
        await scene.assert_restored("v1")


async def is_cancelled(scene: Scene) -> bool:
    handle = scene.on.client.get_workflow_handle(scene.slot.workflow_id)
    return (await handle.describe()).status is WorkflowExecutionStatus.CANCELED


async def test_a_wrong_order_is_refused_in_one_line_that_says_why(scene: Scene) -> None:
    await begin(scene)
    async with scene.users():
        await start(scene, "v2")
        await scene.waits_at(GATE)
        update = f"temporal workflow update execute -w {scene.slot.workflow_id} --name"
        for order, why in (
            ("""approve -i '{"byy":"ana"}'""", "byy: Extra inputs are not permitted"),
            ("""approve -i '{"by":7}'""", "by: Input should be a valid string"),
            ("""approve -i '{"step":"weight-50"}'""", "'weight-50' is not waiting; now: " + GATE),
            ("resume", "cannot resume in phase WaitingPromotion; possible now: pause, approve"),
            ("aprove", "known updates: [abort approve pause promote reject resume skip submit]"),
        ):
            code, _, said = await shell(scene.on, f"{update} {order}")
            assert code == 1
            [line] = said.splitlines()
            assert why in line
        assert (await scene.status()).waiting is not None


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ('{"nam":"shop"}', "name: Field required; nam: Extra inputs are not permitted"),
        ('{"name":""}', "name: String should have at least 1 character"),
        ('"shop"', "Input should be an object"),
        ('{"name":"nowhere"}', "there is neither a Canary nor a Process default/nowhere"),
    ],
)
async def test_a_start_with_a_wrong_input_fails_at_once_and_says_why(
    stack: RealStack, payload: str, why: str
) -> None:
    code, out, _ = await shell(
        stack,
        "temporal workflow execute --type Rollout --task-queue rollouts"
        f" --workflow-id rollout/local/default/wrong -i '{payload}'",
    )
    assert code == 1
    assert "Status   FAILED" in out
    assert [line for line in out.splitlines() if "Message: " in line and why in line], out
