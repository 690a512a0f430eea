"""Users stay where the rollout has put them while one of its steps waits for pods.

Used by `activities.workload.kube`. Observations look after their routes by themselves; without
this nobody would while a canary starts or a primary is replaced, which may take minutes.
"""

import asyncio
from typing import Never

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.kube.store import KubeStore
from activities.workload.needs import EnsuredRoutes, Work
from workflows.errors import reason_of
from workflows.model.plan import Routes, Traffic
from workflows.model.requests import EnsureRoutes


class KeptRoutes:
    """One for a worker."""

    def __init__(self, store: KubeStore, routes: EnsuredRoutes) -> None:
        self._store = store
        self._routes = routes

    async def ensure(self, work: Work, traffic: Traffic, routes: Routes, step: str) -> None:
        await self._routes(
            EnsureRoutes(
                slot=work.slot,
                fence=work.fence,
                revision=work.revision,
                traffic=traffic,
                routes=routes,
                step=step,
            )
        )

    async def keep(self, work: Work) -> Never:
        """Look now and once an interval. Trouble that may pass is left to the next look."""
        while True:
            try:
                await self._look(work)
            except ApplicationError as error:
                if error.non_retryable:
                    raise
                told = {"slot": work.slot.key, "reason": reason_of(error), "why": error.message}
                activity.logger.warning("routes.not_kept", extra=told)
            await asyncio.sleep(work.interval)

    async def _look(self, work: Work) -> None:
        """What an earlier run wrote by another provider is not this one's to keep."""
        state = await self._store.read(work.slot)
        traffic = state.claim.plan.traffic if state.claim is not None else None
        if traffic is not None and traffic == state.traffic and state.routes is not None:
            await self.ensure(work, traffic, state.routes, state.step)
