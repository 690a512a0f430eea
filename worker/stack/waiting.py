"""Waiting for the parts of the stack to answer; used by `worker.stack.stack`."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
from temporalio.client import Client

from worker import connection
from worker.settings import Settings
from worker.stack import doctor
from worker.stack.doctor import Health
from workflows.errors import SerinusError

LOOK_EVERY = 0.1
Probe = Callable[[], Awaitable[bool]]


class NotReady(SerinusError):  # noqa: N818  the name says what is wrong
    """A part of the stack did not answer in time."""


async def until(probe: Probe, within: float) -> bool:
    """Whether the probe succeeded in time."""
    try:
        async with asyncio.timeout(within):
            while not await probe():  # noqa: ASYNC110  another process cannot set our event
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError:
        return False
    return True


def answers(url: str) -> Probe:
    """Make a probe: the URL answers 2xx."""

    async def probe() -> bool:
        try:
            async with httpx.AsyncClient(timeout=1.0, trust_env=False) as http:
                return (await http.get(url)).is_success
        except httpx.HTTPError:
            return False

    return probe


def temporal_serves(settings: Settings) -> Probe:
    """Make a probe: Temporal takes connections and its namespace is there."""

    async def probe() -> bool:
        try:
            client = await connection.connect(settings, patience=1.0)
        except connection.TemporalUnreachable:
            return False
        finding = await doctor.attributes(client)
        return finding.health is Health.GOOD

    return probe


def worker_polls(client: Client, cluster: str, pid: Callable[[], Awaitable[int]]) -> Probe:
    """Make a probe: this very worker waits on every queue; the server remembers dead ones."""

    async def probe() -> bool:
        head = f"{await pid()}@"
        for queue, kind in doctor.queues(cluster):
            identities = await doctor.polled_by(client, queue, kind)
            if not any(identity.startswith(head) for identity in identities):
                return False
        return True

    return probe
