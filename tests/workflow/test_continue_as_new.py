"""A long history continues as new with all that the run knew."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.builders import a_plan
from tests.conftest import temporal_server
from tests.workflow.conftest import Theatre
from tests.workflow.fake_platform import FakePlatform, passed
from workflows.model.decisions import Order
from workflows.model.observation import Observation, ObserveRequest
from workflows.model.requests import Outcome
from workflows.model.status import StepState


@pytest.fixture
async def forgetful() -> AsyncIterator[WorkflowEnvironment]:
    """A server that suggests to continue as new after a few steps."""
    async with temporal_server("limit.historyCount.suggestContinueAsNew=40") as env:
        yield env


async def test_a_run_that_continues_as_new_goes_on_at_its_step(
    forgetful: WorkflowEnvironment,
) -> None:
    platform = FakePlatform(a_plan(*range(10, 100, 10), threshold=100), block={"weight-20"})
    counted: list[int] = []

    def one_more(request: ObserveRequest) -> Observation:
        counted.append(request.failed_checks)
        return passed(request).model_copy(update={"failed_checks": request.failed_checks + 1})

    platform.verdicts = {f"weight-{weight}": one_more for weight in range(10, 100, 10)}
    async with AsyncExitStack() as stack:
        stage = await Theatre(forgetful, stack).begin(platform.plan, platform)
        await stage.at("weight-20")
        await stage.handle.execute_update("pause", Order(by="ana"))
        await stage.handle.execute_update("resume", Order(by="ana"))
        platform.block.clear()
        result = await stage.handle.result()
        newest = stage.client.get_workflow_handle(stage.handle.id)
        runs = {stage.handle.first_execution_run_id, (await newest.describe()).run_id}
        status = await stage.status()
    assert len(runs) == 2
    assert result.outcome is Outcome.PROMOTED
    assert counted == list(range(9))
    assert platform.log.count("start v2") == 1
    assert {step.state for step in status.steps} == {StepState.DONE}
    assert [entry.action for entry in status.entries].count("pause") == 1
