"""Which pages to scrape: those of a router, or those of a slot's own pods.

Asked by `activities.metrics.fleet` before each round; the pods behind them are known by a watch.
"""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from temporalio.exceptions import ApplicationError

from activities.kube.api import KubeApi
from activities.kube.objects import Ref, texts_at
from activities.metrics.fleet import Member
from activities.metrics.slices import Endpoint, Slices
from workflows.errors import SerinusError

_SERVICE = re.compile(r"(?P<namespace>[^/:]+)/(?P<service>[^/:]+):(?P<port>\d+)(?P<path>/.*)?")
_SCRAPE = "prometheus.io/scrape"
_PORT = "prometheus.io/port"
_PATH = "prometheus.io/path"


class RouterMetricsError(SerinusError):
    """The setting `router_metrics` cannot be read."""


@dataclass(frozen=True, slots=True)
class _Service:
    slices: Slices
    port: int
    path: str


class RouterMembers:
    """The pages of a router, as `router_metrics` says."""

    def __init__(self, api: KubeApi, router_metrics: Iterable[str]) -> None:
        texts = tuple(router_metrics)
        self._urls = [text for text in texts if text.startswith(("http://", "https://"))]
        self._services = [_service(api, text) for text in texts if text not in self._urls]

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            for service in self._services:
                await stack.enter_async_context(service.slices.watched())
            yield

    async def members(self) -> list[Member]:
        return [Member(url) for url in self._urls] + [
            Member(_url(endpoint.address, service.port, service.path))
            for service in self._services
            for endpoint in service.slices.endpoints
        ]


class PodMembers:
    """The pages of the pods behind the Services of each side."""

    def __init__(self, api: KubeApi, sides: Mapping[str, Slices]) -> None:
        self._api = api
        self._sides = sides
        self._annotations: dict[Ref, Mapping[str, str]] = {}

    async def members(self) -> list[Member]:
        """ValueError unless both sides can be counted: failures of one alone prove little.

        A pod is read once, for its annotations.
        """
        pods = {endpoint.pod for one in self._sides.values() for endpoint in one.endpoints}
        self._annotations = {ref: kept for ref, kept in self._annotations.items() if ref in pods}
        found = [await self._of(side, slices) for side, slices in self._sides.items()]
        return [member for members in found for member in members]

    async def _of(self, side: str, slices: Slices) -> list[Member]:
        if slices.trouble is not None:
            raise ValueError(slices.trouble)
        urls = [await self._page(endpoint) for endpoint in slices.endpoints]
        members = [Member(url, side) for url in urls if url is not None]
        if urls and not members:
            raise ValueError(f"the pods of the {side} have no metrics page")
        return members

    async def _page(self, endpoint: Endpoint) -> str | None:
        """Where a pod says its page is, else at the Service's port; None if it has none."""
        annotations = await self._annotations_of(endpoint.pod)
        port = annotations.get(_PORT, "")
        first = int(port) if port.isdecimal() else next(iter(endpoint.ports), None)
        if first is None or annotations.get(_SCRAPE) == "false":
            return None
        return _url(endpoint.address, first, annotations.get(_PATH) or "/metrics")

    async def _annotations_of(self, pod: Ref | None) -> Mapping[str, str]:
        if pod is None:
            return {}
        if pod not in self._annotations:
            try:
                found = await self._api.read(pod)
            except ApplicationError as error:
                raise ValueError(error.message) from error
            self._annotations[pod] = texts_at(found or {}, "metadata", "annotations")
        return self._annotations[pod]


def _service(api: KubeApi, text: str) -> _Service:
    if (found := _SERVICE.fullmatch(text)) is None:
        wanted = "a URL, or namespace/service:port with a path if it is not /metrics"
        raise RouterMetricsError(f"router_metrics: {text!r} is not {wanted}")
    slices = Slices(api, found["namespace"], found["service"])
    return _Service(slices, int(found["port"]), found["path"] or "/metrics")


def _url(address: str, port: int, path: str) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}/{path.lstrip('/')}"
