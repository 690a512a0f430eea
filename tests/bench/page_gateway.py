"""The gateway of `tests.bench.pages`: a process of its own that counts what it asks of Temporal.

`python -m tests.bench.page_gateway HOME` prints its port; for each line that it reads it prints
how often it has asked so far; at the end of its input it stops.
"""

import asyncio
import json
import logging
import sys
from collections import Counter
from pathlib import Path

import structlog
from temporalio.client import (
    Client,
    DescribeWorkflowInput,
    Interceptor,
    ListWorkflowsInput,
    OutboundInterceptor,
    QueryWorkflowInput,
    WorkflowExecutionAsyncIterator,
    WorkflowExecutionDescription,
)

from tests.bench.table import say
from worker import connection
from worker.gateway.app import build
from worker.gateway.opening import open_context
from worker.gateway.serving import served
from worker.gateway.settings import GatewaySettings, LimitSettings
from worker.settings import Settings

LIMITS = LimitSettings(person=1_000_000, address=1_000_000, sign_in=1_000)


class Counting(Interceptor):
    """Counts requests of one client by their kind; queries by their workflow too."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        return _Counted(next, self.asked)


class _Counted(OutboundInterceptor):
    def __init__(self, next_one: OutboundInterceptor, asked: Counter[str]) -> None:
        super().__init__(next_one)
        self._asked = asked

    async def query_workflow(self, input: QueryWorkflowInput) -> object:  # noqa: A002
        self._asked[f"query {input.query}"] += 1
        answer: object = await super().query_workflow(input)
        return answer

    async def describe_workflow(
        self,
        input: DescribeWorkflowInput,  # noqa: A002
    ) -> WorkflowExecutionDescription:
        self._asked["describe"] += 1
        return await super().describe_workflow(input)

    def list_workflows(self, input: ListWorkflowsInput) -> WorkflowExecutionAsyncIterator:  # noqa: A002
        self._asked["list"] += 1
        return super().list_workflows(input)


async def main(home: Path) -> None:
    # What it prints is read: its log must not come between.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    settings = Settings(home=home, stack_only=True, usual_ports=False)
    counting = Counting()
    config = (await connection.connect(settings)).config()
    config["interceptors"] = [counting]
    gateway = GatewaySettings(port=0, limits=LIMITS)
    context = await asyncio.to_thread(open_context, settings, gateway, Client(**config))
    async with served(build(context), gateway) as port:
        say(str(port))
        while await asyncio.to_thread(sys.stdin.readline):
            say(json.dumps(counting.asked))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
