"""Checks and live counters on Kubernetes.

The worker hands it to `activities.analysis.observe` as both its `Checks` and its `LiveCounters`.
Counters come from the router where it is a Traefik whose pages are configured, and otherwise from
the pods of the canary and the primary.
"""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from pydantic import Field

from activities.kube.api import KubeApi
from activities.kube.objects import Ref, text_at
from activities.metrics.engine import MetricsEngine
from activities.metrics.fleet import Fleet
from activities.metrics.kube_feed import KubeFeed
from activities.metrics.kube_secrets import KubeSecrets
from activities.metrics.members import PodMembers, RouterMembers
from activities.metrics.router_names import PODS, READ_FROM_ROUTER, names_of
from activities.metrics.scraper import Scraping
from activities.metrics.slices import Slices
from workflows.errors import Reason
from workflows.model.identity import Slot
from workflows.model.measurement import Measurement, MetricQuery, Outcome
from workflows.model.metric_template import MetricProvider
from workflows.model.plan import Check, Traffic
from workflows.model.target import KNATIVE
from workflows.model.value import Value
from workflows.queries.subject import wants_revision_of, with_revision

METRICS_SERVER = "http://prometheus:9090"
"""Flagger's default."""
CANARY_API = "flagger.app/v1beta1"
REMEMBERED = 600.0
"""Seconds for which the counters of a slot are kept after its last step."""


class KubeMetricsSettings(Value):
    """What a person may set.

    `router_metrics`: URLs of the router's metrics pages, or `namespace/service:port/path`, whose
    pods are then all scraped.
    """

    metrics_server: str = METRICS_SERVER
    router_metrics: tuple[str, ...] = ()
    every: float = Field(default=0.5, gt=0)


class _SlotCounters:
    """What is kept of one slot between its steps."""

    def __init__(self, primary: Slices, canary: Slices, scraping: Scraping) -> None:
        self.primary = primary
        self.canary = canary
        self.scraping = scraping
        self.followers = 0
        self.last_used = time.monotonic()


class KubeMetrics:
    """One for a cluster; owns neither the client nor the API."""

    def __init__(
        self,
        api: KubeApi,
        http: httpx.AsyncClient,
        settings: KubeMetricsSettings = KubeMetricsSettings(),  # noqa: B008  frozen
    ) -> None:
        self._api = api
        self._http = http
        self._settings = settings
        self._engine = MetricsEngine(http, KubeSecrets(api))
        self._router = RouterMembers(api, settings.router_metrics)
        self._router_scraping = Scraping(
            Fleet(http, "the router", self._router.members), settings.every
        )
        self._slots: dict[tuple[Slot, str], _SlotCounters] = {}

    async def measure(
        self,
        check: Check,
        traffic: Traffic,  # noqa: ARG002  the plan has put it into the query
        slot: Slot,
    ) -> Measurement:
        """Ask the provider; a query without an address goes to the metrics server."""
        query = check.metric
        if not query.address and query.provider == MetricProvider.PROMETHEUS:
            query = query.model_copy(update={"address": self._settings.metrics_server})
        if (service := wants_revision_of(query.query)) is not None:
            revision = await self._latest_revision(slot, service)
            if not revision:
                return _no_revision(query, service)
            query = query.model_copy(update={"query": with_revision(query.query, revision)})
        return await self._engine.measure(query)

    async def _latest_revision(self, slot: Slot, service: str) -> str:
        live = await self._api.read(Ref(KNATIVE, "Service", service, slot.namespace))
        return text_at(live or {}, "status", "latestCreatedRevisionName")

    @asynccontextmanager
    async def follow(self, slot: Slot, traffic: Traffic) -> AsyncGenerator[KubeFeed]:
        """Watch and scrape while the block lasts; others may do so at the same time."""
        counters = self._counters_of(slot, traffic)
        routed = bool(self._settings.router_metrics) and traffic.provider in READ_FROM_ROUTER
        async with AsyncExitStack() as stack:
            counters.followers += 1
            stack.callback(_left, counters)
            await stack.enter_async_context(counters.canary.watched())
            if routed:
                await stack.enter_async_context(self._router.watched())
                names = names_of(slot, traffic, await self._ingress(slot, traffic))
                scraping = self._router_scraping
            else:
                await stack.enter_async_context(counters.primary.watched())
                names, scraping = PODS, counters.scraping
            await stack.enter_async_context(scraping.subscribed())
            yield KubeFeed(slot, scraping, names, counters.canary)

    async def _ingress(self, slot: Slot, traffic: Traffic) -> str:
        """Only an Ingress has a name that the plan does not say."""
        if traffic.provider != "nginx":
            return ""
        canary = await self._api.read(Ref(CANARY_API, "Canary", slot.name, slot.namespace))
        return text_at(canary or {}, "spec", "ingressRef", "name")

    def _counters_of(self, slot: Slot, traffic: Traffic) -> _SlotCounters:
        old = time.monotonic() - REMEMBERED
        for key, kept in list(self._slots.items()):
            if not kept.followers and kept.last_used < old:
                del self._slots[key]
        key = (slot, traffic.service)
        if key not in self._slots:
            self._slots[key] = self._new_counters(slot, traffic.service)
        return self._slots[key]

    def _new_counters(self, slot: Slot, service: str) -> _SlotCounters:
        sides: Mapping[str, Slices] = {
            side: Slices(self._api, slot.namespace, f"{service}-{side}")
            for side in ("primary", "canary")
        }
        members = PodMembers(self._api, sides)
        fleet = Fleet(self._http, f"the pods of {slot.key}", members.members)
        scraping = Scraping(fleet, self._settings.every)
        return _SlotCounters(sides["primary"], sides["canary"], scraping)


def _left(counters: _SlotCounters) -> None:
    counters.followers -= 1
    counters.last_used = time.monotonic()


def _no_revision(query: MetricQuery, service: str) -> Measurement:
    return Measurement(
        check=query.check,
        outcome=Outcome.NO_DATA,
        reason=Reason.NO_DATA,
        message=f"Knative has not made a revision of Service {service} yet",
        query=query.query,
    )
