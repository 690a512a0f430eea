"""A wrong input fails at once and says why; nothing hangs."""

import uuid

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.builders import a_plan
from tests.workflow.conftest import Theatre
from tests.workflow.fake_platform import FakePlatform

BAD_STARTS: list[tuple[object, str]] = [
    ({}, "name: Field required"),
    ({"name": ""}, "name: String should have at least 1 character"),
    ({"name": "shop", "nmae": "x"}, "nmae: Extra inputs are not permitted"),
    ("shop", "Input should be an object"),
]


@pytest.mark.parametrize(("argument", "reason"), BAD_STARTS)
async def test_a_bad_start_input_fails_at_once_with_the_field(
    theatre: Theatre, argument: object, reason: str
) -> None:
    stage = await theatre.begin(a_plan(kind=a_plan(10).kind))
    await stage.handle.result()
    queue = (await stage.handle.describe()).task_queue
    handle = await stage.client.start_workflow(
        "Rollout", argument, id=f"bad-{uuid.uuid4()}", task_queue=queue
    )
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert reason in caught.value.cause.message


async def test_a_bad_update_input_fails_at_once_and_the_run_goes_on(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(10), block={"weight-10"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-10")
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await stage.handle.execute_update("pause", {"by": 7})
    assert "by: Input should be a valid string" in str(caught.value.cause)
    platform.block.clear()
    await stage.handle.result()


async def test_an_unknown_update_names_the_known_ones(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(10), block={"weight-10"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-10")
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await stage.handle.execute_update("aprove")
    assert "approve" in str(caught.value.cause)
    platform.block.clear()
    await stage.handle.result()
