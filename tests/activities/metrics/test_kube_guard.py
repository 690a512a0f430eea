"""The guard on Kubernetes, end to end: servers count, `KubeMetrics` looks, the observer stops."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import httpx
import pytest
from aiohttp import web
from temporalio.testing import ActivityEnvironment

from activities.analysis.observe import Instruments, Observer
from activities.hooking.caller import open_hook_caller
from activities.metrics.kube import KubeMetrics, KubeMetricsSettings
from tests.activities.metrics.kube_pods import NAMESPACE, Pod, a_slice, an_endpoint
from tests.activities.metrics.provider_server import serving
from tests.fakes_kube import InMemoryKube
from tests.fakes_observe import RememberingRoutes, a_request, an_analysis
from workflows.errors import Reason
from workflows.model.identity import Slot
from workflows.model.live import GuardRule
from workflows.model.observation import Ending, Observation
from workflows.model.plan import Traffic

HOUR = 3_600.0
TOO_LONG = 20.0


class Stage:
    """A primary and a canary that serve ten requests whenever they are scraped."""

    def __init__(self, api: InMemoryKube, primary: Pod, canary: Pod) -> None:
        self.api = api
        self.primary = primary
        self.canary = canary

    def serve(self, pod: Pod, failing: int) -> None:
        """Of ten requests between two scrapes, so many fail."""

        async def page(request: web.Request) -> web.StreamResponse:
            pod.counts(pod.good + 10 - failing, pod.bad + failing)
            return web.Response(text=pod.server.body)

        pod.server.handler = page

    async def observe(self, http: httpx.AsyncClient, rule: GuardRule) -> Observation:
        settings = KubeMetricsSettings(every=0.02)
        metrics = KubeMetrics(self.api, http, settings)
        analysis = an_analysis(interval=HOUR).model_copy(update={"guard": rule})
        request = a_request(analysis, guarded=True).model_copy(
            update={
                "slot": Slot(namespace=NAMESPACE, name="shop"),
                "traffic": Traffic(provider="istio", service="front"),
            }
        )
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, heartbeat_details=())
        async with open_hook_caller() as hooks, asyncio.timeout(TOO_LONG):
            use = Instruments(RememberingRoutes(), metrics, hooks, metrics)
            return await environment.run(Observer(use).observe, request)


@pytest.fixture
async def stage() -> AsyncGenerator[Stage]:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serving()) for _ in range(2)]
        pods = Pod("front-primary-a", servers[0]), Pod("front-a", servers[1])
        api = InMemoryKube()
        for pod, service in zip(pods, ("front-primary", "front-canary"), strict=True):
            pod.put(api)
            api.put(a_slice(service, an_endpoint(pod.name)))
        stage = Stage(api, *pods)
        stage.serve(stage.primary, failing=0)
        yield stage


async def test_a_canary_whose_pods_count_errors_ends_the_step(
    stage: Stage, http: httpx.AsyncClient
) -> None:
    stage.serve(stage.canary, failing=5)
    observation = await stage.observe(http, GuardRule())
    assert (observation.ending, observation.reason) == (Ending.GUARD, Reason.GUARD_ERRORS)
    assert observation.ticks == 0
    trip = observation.evidence.trip
    assert trip is not None
    assert trip.failed * 2 == trip.requests
    assert trip.primary_failed == 0
    assert trip.primary_requests > 0


async def test_a_canary_without_a_ready_pod_ends_the_step_though_nothing_can_be_counted(
    stage: Stage, http: httpx.AsyncClient
) -> None:
    stage.canary.server.says(500, "")
    stage.api.put(a_slice("front-canary", an_endpoint("front-a", ready=False)))
    observation = await stage.observe(http, GuardRule(not_ready_after=0.2))
    assert (observation.ending, observation.reason) == (Ending.GUARD, Reason.GUARD_NOT_READY)
