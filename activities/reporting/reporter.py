"""Tells the people of a cluster where a slot stands: its Canary's status, events, counters.

The `Reporter` of planning on Kubernetes. A rollout never fails because a word could not be
written: what is refused is logged; a conflict or an outage is tried again for a moment.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from temporalio.exceptions import ApplicationError

from activities.kube.api import KubeApi
from activities.kube.objects import KubeObject
from activities.kube.reporter import Standing
from activities.reporting.conditions import clock
from activities.reporting.counters import RunCounters
from activities.reporting.events import event, occurrence, ref_of_canary
from activities.reporting.status import status_patch
from workflows.errors import Reason, reason_of
from workflows.model.identity import Slot

ATTEMPTS = 6
FIRST_PAUSE = 0.2
_AGAIN = frozenset({Reason.CONFLICT, Reason.CLUSTER_UNREACHABLE})
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class KubeReporter:
    """`instance` is this worker's name in events."""

    def __init__(
        self,
        api: KubeApi,
        counters: RunCounters | None = None,
        instance: str = "serinus",
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = clock,
    ) -> None:
        self._api = api
        self._counters = counters
        self._instance = instance
        self._pause = pause
        self._now = now

    async def tell(self, slot: Slot, standing: Standing) -> None:
        """Safe to call again with the same: what is said already is not written again."""
        try:
            before = await self._written(slot, standing)
            if before is not None:
                await self._announce(before, standing)
        except ApplicationError as error:
            _log.warning("report.failed", slot=slot.key, why=error.message)

    async def _written(self, slot: Slot, standing: Standing) -> KubeObject | None:
        """The Canary as it was before; None if there was nothing to write."""
        for attempt in range(1, ATTEMPTS):
            try:
                return await self._write(slot, standing)
            except ApplicationError as error:
                if reason_of(error) not in _AGAIN:
                    raise
            await self._pause(FIRST_PAUSE * 2**attempt)
        return await self._write(slot, standing)

    async def _write(self, slot: Slot, standing: Standing) -> KubeObject | None:
        ref = ref_of_canary(slot.namespace, slot.name)
        canary = await self._api.read(ref)
        if canary is None:
            return None
        if self._counters is not None:
            self._counters.measured(canary, standing.measured)
        patch = status_patch(canary, standing, self._now())
        if patch is None:
            return None
        await self._api.merge(ref, patch, subresource="status")
        return canary

    async def _announce(self, before: KubeObject, standing: Standing) -> None:
        what = occurrence(before, standing)
        if what is None:
            return
        if self._counters is not None:
            self._counters.count(before, standing, self._now())
        await self._api.create(event(before, what, standing, self._now(), self._instance))
