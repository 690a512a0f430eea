"""Finding out what is missing: the checks behind `serinus doctor`.

Each check looks at one thing and gives a `Finding`; none changes anything.
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from enum import StrEnum
from pathlib import Path

import httpx
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.local.ports import LOOPBACK, is_free
from worker import connection, rollouts
from worker.settings import Settings
from worker.stack import ports, programs
from worker.stack.ports import Ports
from workflows import search_attributes
from workflows.errors import SerinusError
from workflows.model.value import Record
from workflows.perform import observe_queue_of, queue_of

PATIENCE = 2.0


class Health(StrEnum):
    """How one thing is."""

    GOOD = "good"
    ABSENT = "absent"
    """Not there, and not needed now."""
    BAD = "bad"


class Finding(Record):
    """What one check found; `advice` says what to do about it."""

    subject: str
    health: Health
    found: str
    advice: str = ""


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Look at everything, the basics first."""
    for name in programs.PACKAGES:
        yield program(name)
    yield hey()
    yield home(settings.home)
    known = ports.read(settings.home)
    for finding in listeners(known, settings.home):
        yield finding
    async for finding in temporal(settings):
        yield finding
    if known is not None:
        yield await proxy(known)


def program(name: str) -> Finding:
    """Whether a program that the stack starts is installed."""
    path = programs.find(name)
    if path is None:
        return Finding(
            subject=name, health=Health.BAD, found="not found", advice=programs.advice(name)
        )
    return Finding(subject=name, health=Health.GOOD, found=str(path))


def hey() -> Finding:
    """Whether the `hey` binary runs hey's commands; the built-in generator does it else."""
    path = shutil.which("hey")
    found = path or "not installed: the built-in generator runs hey's commands"
    return Finding(subject="hey", health=Health.GOOD if path else Health.ABSENT, found=found)


def home(path: Path) -> Finding:
    """Whether state can be written."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        advice = "set SERINUS_HOME to a folder of yours"
        found = f"{there} cannot be written"
        return Finding(subject="home", health=Health.BAD, found=found, advice=advice)
    return Finding(subject="home", health=Health.GOOD, found=f"{path} can be written")


def listeners(known: Ports | None, path: Path) -> Iterator[Finding]:
    """Whether each port of the stack is taken; a stack that runs takes all of them."""
    if known is None:
        found = f"no stack was ever started in {path}"
        yield Finding(
            subject="stack", health=Health.ABSENT, found=found, advice="start it: serinus up"
        )
        return
    numbers = known.model_dump()
    silent = [f"{name} {port}" for name, port in numbers.items() if is_free(port)]
    if len(silent) == len(numbers):
        yield Finding(
            subject="stack", health=Health.ABSENT, found="stopped", advice="start it: serinus up"
        )
    elif silent:
        found = f"nobody listens on {', '.join(silent)}"
        yield Finding(subject="stack", health=Health.BAD, found=found, advice="serinus up")
    else:
        yield Finding(subject="stack", health=Health.GOOD, found="every port is served")


async def temporal(settings: Settings) -> AsyncIterator[Finding]:
    """Whether Temporal answers, knows our search attributes, and workers wait for work."""
    try:
        client = await connection.connect(settings, patience=PATIENCE)
        found = f"{client.service_client.config.target_host}, namespace {client.namespace}"
        yield Finding(subject="temporal server", health=Health.GOOD, found=found)
        yield await attributes(client)
        for queue, kind in queues(settings.cluster):
            yield await pollers(client, queue, kind)
    except SerinusError as error:
        yield Finding(subject="temporal server", health=Health.BAD, found=str(error))
    except RPCError as error:
        yield Finding(subject="temporal server", health=Health.BAD, found=error.message)


def queues(cluster: str) -> tuple[tuple[str, TaskQueueType.ValueType], ...]:
    return (
        (rollouts.QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
        (queue_of(cluster), TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
        (observe_queue_of(cluster), TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
    )


async def attributes(client: Client) -> Finding:
    """Whether rollouts can be listed by phase, name and so on."""
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = [
        key.name for key in search_attributes.ALL if key.name not in listed.custom_attributes
    ]
    if missing:
        return Finding(
            subject="search attributes",
            health=Health.BAD,
            found=f"missing: {', '.join(missing)}",
            advice="start a worker, it registers them: serinus worker",
        )
    return Finding(subject="search attributes", health=Health.GOOD, found="all registered")


async def pollers(client: Client, queue: str, kind: TaskQueueType.ValueType) -> Finding:
    """Whether a worker waits on a task queue."""
    subject = f"queue {queue}"
    workers = await polled_by(client, queue, kind)
    if not workers:
        advice = "serinus up, or serinus worker"
        return Finding(subject=subject, health=Health.BAD, found="no worker", advice=advice)
    return Finding(subject=subject, health=Health.GOOD, found=f"polled by {', '.join(workers)}")


async def polled_by(client: Client, queue: str, kind: TaskQueueType.ValueType) -> frozenset[str]:
    """Who waited on a task queue of late; the server forgets a dead one after minutes."""
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
        )
    )
    return frozenset(poller.identity for poller in described.pollers)


async def proxy(known: Ports) -> Finding:
    """Whether the proxy of the stack answers on its own port."""
    url = f"http://{LOOPBACK}:{known.proxy_metrics}/metrics"
    try:
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
            answer = await http.get(url)
    except httpx.HTTPError as error:
        found = f"{url}: {error or type(error).__name__}"
        return Finding(subject="proxy", health=Health.BAD, found=found, advice="serinus up")
    health = Health.GOOD if answer.is_success else Health.BAD
    return Finding(subject="proxy", health=health, found=f"{url}: {answer.status_code}")
