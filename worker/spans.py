"""Traces from trigger to weight write: which spans there are, what is in them, where they go.

Loaded by `worker.telemetry` only where traces are sent. Spans of workflows, activities and calls
to Temporal are the SDK's, safe under replay: their ids follow from the run, and what is replayed
is not sent again. Spans of HTTP are those of the httpx instrumentation; `activities.kube.client`
adds those of a cluster's API, `worker.gateway.observing` those of requests to the gateway.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, Status, TraceState
from opentelemetry.util.types import Attributes, AttributeValue
from temporalio.client import Plugin
from temporalio.contrib.opentelemetry import (
    OpenTelemetryPlugin,
    ReplaySafeTracerProvider,
    create_tracer_provider,
)

ASKED_ALL_THE_TIME = ("QueryWorkflow:", "HandleQuery:", "ValidateUpdate:")
BEGINNINGS = ("StartWorkflow:", "StartUpdateWithStartWorkflow:", "StartWorkflowUpdate:",
              "SignalWorkflow:")  # fmt: skip
"""Spans of a client that may begin a trace; what else asks on its own asks all the time."""
_URL = re.compile(r"(?P<origin>https?://(?:[^\s/?#@]*@)?(?P<host>[^\s/?#'\"]+))[^\s'\"]*")
_ADDRESSES = frozenset({"http.url", "url.full", "http.target", "url.query", "url.path"})
_UNSAID = frozenset({"exception.stacktrace"})
"""Its lines may name what its words do not."""


@contextmanager
def tracing(resource: Mapping[str, str]) -> Generator[Plugin]:
    """Trace what this process does, once in its life; what is left is sent at the end."""
    provider = traced_by(OTLPSpanExporter(), resource)
    trace.set_tracer_provider(provider)
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider, meter_provider=NoOpMeterProvider())
    try:
        yield OpenTelemetryPlugin(add_temporal_spans=True)
    finally:
        instrumentor.uninstrument()
        provider.shutdown()


def traced_by(exporter: SpanExporter, resource: Mapping[str, str]) -> ReplaySafeTracerProvider:
    """A provider that sends to `exporter` what may leave this process."""
    own = Resource(dict(resource)).merge(OTELResourceDetector().detect())
    provider = create_tracer_provider(sampler=Worthwhile(), resource=own)
    provider.add_span_processor(BatchSpanProcessor(Discreet(exporter)))
    return provider


class Worthwhile(Sampler):
    """Begins a trace for triggers, orders and requests; not for looks, scrapes and watches."""

    def should_sample(  # noqa: PLR0913, PLR0917  OpenTelemetry's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """A span within another does as that one, but for questions, which pages ask for hours."""
        above = trace.get_current_span(parent_context).get_span_context()
        dropped = not above.trace_flags.sampled
        if not above.is_valid:
            dropped = kind is SpanKind.CLIENT and not name.startswith(BEGINNINGS)
        if dropped or name.startswith(ASKED_ALL_THE_TIME):
            return SamplingResult(Decision.DROP)
        return ALWAYS_ON.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """Shown by tools."""
        return "Worthwhile"


class Discreet(SpanExporter):
    """Sends spans without what may be a secret: of addresses only scheme and host are left."""

    def __init__(self, following: SpanExporter) -> None:
        self._following = following

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Called in the thread of the processor."""
        return self._following.export([discreet(span) for span in spans])

    def shutdown(self) -> None:
        """At the end of the process."""
        self._following.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Everything has gone already."""
        return self._following.force_flush(timeout_millis)


def discreet(span: ReadableSpan) -> ReadableSpan:
    """The same span with nothing in it that could be a credential."""
    described = span.status.description
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes or {}),
        events=[
            Event(event.name, _attributes(event.attributes or {}), event.timestamp)
            for event in span.events
        ],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, described and without_addresses(described)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _attributes(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    return {
        name: without_addresses(value) if isinstance(value, str) else value
        for name, value in attributes.items()
        if name not in _UNSAID and (name not in _ADDRESSES or str(value).startswith("http"))
    }


def without_addresses(text: str) -> str:
    """Of each URL in a text its scheme and host: paths and queries may be credentials."""
    return _URL.sub(lambda url: url["origin"].split("://")[0] + "://" + url["host"], text)
