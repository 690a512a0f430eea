"""Spans of what activities do beside HTTP; where nobody traces they cost microseconds.

Used by `activities.kube.client` and `activities.local`; `worker.spans` says where they go.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind
from opentelemetry.util.types import AttributeValue

_tracer = trace.get_tracer(__name__)
_SUPPRESS = "suppress_http_instrumentation"
"""What the HTTP instrumentations of OpenTelemetry look for."""


@contextmanager
def spanned(
    name: str, attributes: Mapping[str, AttributeValue], kind: SpanKind = SpanKind.INTERNAL
) -> Generator[Span]:
    """A span for the length of the block."""
    with _tracer.start_as_current_span(name, kind=kind, attributes=attributes) as span:
        yield span


@contextmanager
def unseen() -> Generator[None]:
    """No spans of HTTP requests in the block: questions that are asked until they are answered."""
    token = context.attach(context.set_value(_SUPPRESS, value=True))
    try:
        yield
    finally:
        context.detach(token)
