"""Traefik's counters under the names that ingress-nginx gives them; runs as a pod.

Traefik carries out ingress-nginx's annotations but counts under names of its own. The built-in
checks of provider nginx ask for ingress-nginx's: this page has them, number for number, for
Prometheus. Only the services of one namespace and Ingress are told.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator

import httpx
import uvicorn
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from starlette.applications import Starlette
from starlette.config import Config
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PREFIX = "nginx_ingress_controller_"
NAMES = {
    "traefik_service_requests": f"{PREFIX}requests",
    "traefik_service_request_duration_seconds": f"{PREFIX}response_duration_seconds",
}


class Translated(Collector):
    """One page of Traefik's, as ingress-nginx would have written it."""

    def __init__(self, page: str, namespace: str, ingress: str) -> None:
        self._page = page
        self._labels = {"namespace": namespace, "ingress": ingress}
        self._of_ingress = re.compile(
            rf"{namespace}-{ingress}-.*?(?P<canary>-canary)?@kubernetesingressnginx"
        )

    def collect(self) -> Iterable[Metric]:
        for family in text_string_to_metric_families(self._page):
            name = NAMES.get(family.name)
            if name is not None:
                # A counter of ingress-nginx does not end in `_total`, as this format wants it to.
                kind = "unknown" if family.type == "counter" else family.type
                made = Metric(name, family.documentation, kind)
                made.samples = list(self._samples(family, name))
                yield made

    def _samples(self, family: Metric, name: str) -> Iterator[Sample]:
        for sample in family.samples:
            found = self._of_ingress.fullmatch(sample.labels["service"])
            if found is not None:
                labels = {**self._labels, "status": sample.labels["code"]}
                labels["method"] = sample.labels["method"]
                labels["canary"] = sample.labels["service"] if found["canary"] else ""
                labels |= {key: text for key, text in sample.labels.items() if key == "le"}
                told = sample.name.replace(family.name, name).removesuffix("_total")
                yield Sample(told, labels, sample.value)


def app(settings: Config) -> Starlette:
    """TRAEFIK is the page to read; NAMESPACE and INGRESS are whose services are told."""
    source, namespace, ingress = (settings(name) for name in ("TRAEFIK", "NAMESPACE", "INGRESS"))

    async def page(_: Request) -> Response:
        async with httpx.AsyncClient() as client:
            text = (await client.get(source)).text
        registry = CollectorRegistry()
        registry.register(Translated(text, namespace, ingress))
        return Response(generate_latest(registry))

    return Starlette(routes=[Route("/metrics", page)])


def main() -> None:
    """Serve on every address of the pod."""
    config = uvicorn.Config(
        app(Config()),
        host="0.0.0.0",
        port=8080,
        log_level="warning",
    )
    asyncio.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
