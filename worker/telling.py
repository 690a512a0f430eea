"""Tells people of a cluster what a rollout does, around each of its activities.

Wired by `worker.kube_platform`. What is told is decided in `activities.reporting.standings`; a
word that cannot be written never fails an activity.
"""

from dataclasses import dataclass

from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.kube.reporter import Reporter, Standing
from activities.reporting import standings
from activities.routing.kube import KubeRouting
from workflows.model.observation import ObserveProgress, ObserveRequest
from workflows.model.requests import EnsureRoutes, RoutesEnsured, SlotWrite


@dataclass(frozen=True)
class Telling(Interceptor):
    """Tells where a slot stands before each activity about it, and which routes it has after."""

    reporter: Reporter

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  Temporal's name
        return _Told(next, self.reporter)


class _Told(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, reporter: Reporter) -> None:
        super().__init__(following)
        self._reporter = reporter

    async def execute_activity(self, input: ExecuteActivityInput) -> object:  # noqa: A002  Temporal's name
        request: object = input.args[0] if input.args else None
        await self._tell(request, standings.before(request))
        answer: object = await super().execute_activity(input)
        if isinstance(request, EnsureRoutes):
            await self._tell(request, standings.routed(request))
        return answer

    async def _tell(self, request: object, standing: Standing | None) -> None:
        if standing is not None and isinstance(request, SlotWrite | ObserveRequest):
            await self._reporter.tell(request.slot, standing)


@dataclass(frozen=True)
class ToldRoutes:
    """The routes of an observation: told when they change, since the step has only begun then."""

    routing: KubeRouting
    reporter: Reporter

    async def ensure(self, request: EnsureRoutes) -> RoutesEnsured:
        """As `KubeRouting.ensure`."""
        ensured = await self.routing.ensure(request)
        if ensured.changed:
            await self.reporter.tell(request.slot, standings.routed(request))
        return ensured

    async def ticked(self, request: ObserveRequest, progress: ObserveProgress) -> None:
        """`told` of the observation's instruments."""
        await self.reporter.tell(request.slot, standings.ticked(request, progress))
