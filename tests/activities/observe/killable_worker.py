"""A worker in a process of its own, to be killed: `python -m … ADDRESS QUEUE`."""

import asyncio
import sys
from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.analysis.observe import HEARTBEAT_THROTTLE, Instruments, Observer
from activities.hooking.caller import open_hook_caller
from tests.fakes_observe import RememberingRoutes, ScriptedChecks
from workflows.contracts import Analysing
from workflows.converter import DATA_CONVERTER
from workflows.model.observation import Observation, ObserveRequest


@workflow.defn
class OneStep:
    """Observes once."""

    @workflow.run
    async def run(self, request: ObserveRequest) -> Observation:
        return await workflow.execute_activity_method(
            Analysing.observe,
            request,
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=timedelta(seconds=3),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10)),
        )


async def serve(address: str, queue: str) -> None:
    client = await Client.connect(address, data_converter=DATA_CONVERTER)
    async with open_hook_caller() as hooks:
        observer = Observer(Instruments(RememberingRoutes(), ScriptedChecks(100.0), hooks))
        await Worker(
            client,
            task_queue=queue,
            workflows=[OneStep],
            activities=[observer.observe],
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_cached_workflows=0,  # no sticky queue: nobody waits for the killed one
            max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        ).run()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
