"""A rollout on a fake platform: started, spoken to and looked at as people do."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from pydantic import JsonValue
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.workflow.fake_platform import FakePlatform
from worker.plugin import rollouts_plugin
from workflows.model.input import RolloutInput, RolloutResult
from workflows.model.plan import Plan
from workflows.model.status import RolloutStatus
from workflows.perform import observe_queue_of, queue_of
from workflows.records.replaying import replayed
from workflows.rollout import Rollout


@dataclass
class Stage:
    """One running rollout."""

    client: Client
    platform: FakePlatform
    handle: WorkflowHandle[Rollout, RolloutResult]

    async def status(self) -> RolloutStatus:
        return await self.handle.query(Rollout.status)

    async def record(self) -> dict[str, JsonValue]:
        """The decision record of the newest run, as plain data."""
        newest = self.client.get_workflow_handle(self.handle.id)
        record: dict[str, JsonValue] = await newest.query(
            "record", result_type=dict[str, JsonValue]
        )
        return record

    async def at(self, name: str) -> None:
        """Wait until the platform was asked for the activity or step of that name."""
        await self.platform.at(name).wait()


@dataclass
class Theatre:
    """Starts rollouts, each on a cluster (so: queues) of its own."""

    env: WorkflowEnvironment
    stack: AsyncExitStack
    stages: list[Stage] = field(default_factory=list[Stage])

    async def begin(
        self, plan: Plan, platform: FakePlatform | None = None, **options: object
    ) -> Stage:
        platform = platform or FakePlatform(plan)
        cluster = f"c{uuid.uuid4().hex[:12]}"
        client = self.env.client
        plugin = rollouts_plugin(platform.activities())
        for queue in (cluster, queue_of(cluster), observe_queue_of(cluster)):
            worker = Worker(
                client,
                task_queue=queue,
                plugins=[plugin],
                max_heartbeat_throttle_interval=timedelta(milliseconds=50),
                default_heartbeat_throttle_interval=timedelta(milliseconds=50),
            )
            await self.stack.enter_async_context(worker)
        start = RolloutInput.model_validate({"name": "shop", "cluster": cluster, **options})
        handle = await client.start_workflow(
            Rollout.run,
            start,
            id=start.slot.workflow_id,
            task_queue=cluster,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        stage = Stage(client, platform, handle)
        self.stages.append(stage)
        return stage


def assert_replays(record: dict[str, JsonValue]) -> None:
    """Every decision of every test comes out again from its record alone."""
    differences = replayed(record).differences
    assert not differences, "\n".join(map(str, differences))


@pytest.fixture
async def theatre(env: WorkflowEnvironment) -> AsyncIterator[Theatre]:
    async with AsyncExitStack() as stack:
        theatre = Theatre(env, stack)
        yield theatre
        for stage in theatre.stages:
            assert_replays(await stage.record())
