"""An OTLP receiver on loopback: keeps the spans and metrics that programs send over HTTP."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class Seen:
    """A span, and who sent it."""

    service: str
    span: Span

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def trace(self) -> str:
        return self.span.trace_id.hex()

    @property
    def id(self) -> str:
        return self.span.span_id.hex()

    @property
    def parent(self) -> str:
        return self.span.parent_span_id.hex()

    @property
    def attributes(self) -> dict[str, str]:
        return {
            each.key: each.value.string_value or str(each.value.int_value)
            for each in self.span.attributes
        }


@dataclass
class Receiver:
    """What came."""

    url: str = ""
    spans: list[Seen] = field(default_factory=list[Seen])
    metrics: dict[str, Metric] = field(default_factory=dict[str, Metric])
    services: set[str] = field(default_factory=set[str])
    bodies: list[bytes] = field(default_factory=list[bytes])

    def named(self, name: str) -> list[Seen]:
        return [seen for seen in self.spans if seen.name == name]

    def of_run(self, run_id: str) -> list[Seen]:
        return [seen for seen in self.spans if seen.attributes.get("temporalRunID") == run_id]

    async def take_spans(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bodies.append(body)
        self.spans += _seen(ExportTraceServiceRequest.FromString(body))
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")

    async def take_metrics(self, request: web.Request) -> web.Response:
        sent = ExportMetricsServiceRequest.FromString(await request.read())
        for resource in sent.resource_metrics:
            [service] = [
                each.value.string_value
                for each in resource.resource.attributes
                if each.key == "service.name"
            ]
            self.services.add(service)
            for scope in resource.scope_metrics:
                self.metrics |= {f"{service} {metric.name}": metric for metric in scope.metrics}
        answer = ExportMetricsServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")


def _seen(sent: ExportTraceServiceRequest) -> Iterator[Seen]:
    for resource in sent.resource_spans:
        [service] = [
            each.value.string_value
            for each in resource.resource.attributes
            if each.key == "service.name"
        ]
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Seen(service, span)


@asynccontextmanager
async def open_receiver() -> AsyncGenerator[Receiver]:
    """On a free port."""
    receiver = Receiver()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/traces", receiver.take_spans)
    app.router.add_post("/v1/metrics", receiver.take_metrics)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        receiver.url = f"http://{host}:{port}"
        yield receiver
    finally:
        await runner.cleanup()
