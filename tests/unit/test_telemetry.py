"""What leaves a process: spans without secrets, logs with ids, metrics in OpenTelemetry's form."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics.export import Histogram, Sum
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Prom
from prometheus_client import Histogram as PromHistogram
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from worker import logs
from worker.pushing import data_of
from worker.spans import Discreet, Worthwhile, without_addresses

SECRET = "s3cr3t"


class Kept(SpanExporter):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing to end."""


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def provider(kept: Kept) -> Iterator[TracerProvider]:
    provider = TracerProvider(sampler=Worthwhile(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Discreet(kept)))
    yield provider
    provider.shutdown()


def test_a_span_leaves_without_paths_queries_and_stacktraces(
    kept: Kept, provider: TracerProvider
) -> None:
    url = f"https://ana:{SECRET}@chat.example.com/services/{SECRET}?key={SECRET}"
    attributes: dict[str, str | int] = {
        "http.url": url,
        "http.target": f"/services/{SECRET}",
        "code": 7,
    }
    with (
        pytest.raises(ValueError, match="refused"),
        provider.get_tracer("test").start_as_current_span("call", attributes=attributes),
    ):
        raise ValueError(f"{url} refused it")
    [span] = kept.spans
    assert SECRET not in span.to_json()
    assert span.attributes == {"http.url": "https://chat.example.com", "code": 7}
    assert span.status.description == "ValueError: https://chat.example.com refused it"


@given(st.text(alphabet="abc/?=&%:.-_", min_size=1, max_size=30))
def test_of_an_address_only_scheme_and_host_are_left(rest: str) -> None:
    text = f"before https://host.example:443/{SECRET}{rest}{SECRET} after"
    assert without_addresses(text) == "before https://host.example:443 after"


def test_what_nobody_asked_for_begins_no_trace(kept: Kept, provider: TracerProvider) -> None:
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT):
        pass
    with tracer.start_as_current_span("POST api", kind=SpanKind.SERVER):
        with tracer.start_as_current_span("QueryWorkflow:status", kind=SpanKind.CLIENT) as asked:
            assert not asked.is_recording()
        with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT):
            pass
    assert [span.name for span in kept.spans] == ["GET", "POST api"]


async def test_a_line_of_the_log_says_which_run_activity_and_span_it_is_about(
    provider: TracerProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    @activity.defn(name="routing.ensure")
    async def act() -> None:
        with provider.get_tracer("test").start_as_current_span("write"):
            structlog.stdlib.get_logger("test").info("written")
            logging.getLogger("library").info("a library says so")

    before = logging.getLogger().handlers, logging.getLogger().level
    try:
        logs.configure("INFO")
        await ActivityEnvironment().run(act)
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers, level = before
        logging.getLogger().setLevel(level)
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    for line in (ours, theirs):
        assert line["activity_type"] == "unknown"  # what the environment calls all of them
        assert (line["workflow_id"], line["run_id"]) == ("test", "test-run")
        assert len(line["trace_id"]) == 32
        assert len(line["span_id"]) == 16


def test_metrics_take_the_form_of_opentelemetry() -> None:
    registry = CollectorRegistry()
    Prom("serinus_ticks", "Ticks.", ("verdict",), registry=registry).labels("pass").inc(3)
    seconds = PromHistogram("serinus_s_seconds", "Time.", buckets=(1, 5), registry=registry)
    for value in (0.5, 0.7, 3.0, 9.0):
        seconds.observe(value)
    data = data_of(registry.collect(), Resource({}), 1, 2)
    [counter, histogram] = data.resource_metrics[0].scope_metrics[0].metrics
    assert isinstance(counter.data, Sum)
    assert isinstance(histogram.data, Histogram)
    assert [(each.attributes, each.value) for each in counter.data.data_points] == [
        ({"verdict": "pass"}, 3)
    ]
    [point] = histogram.data.data_points
    assert (list(point.bucket_counts), list(point.explicit_bounds)) == ([2, 1, 1], [1, 5])
    assert (point.count, point.sum, histogram.unit) == (4, 13.2, "s")


@pytest.mark.parametrize("module", ["worker.cli", "worker.cli.verbs", "worker.telemetry"])
def test_who_sends_nothing_loads_no_exporter(module: str) -> None:
    look = f"import sys, {module}; print([m for m in sys.modules if 'opentelemetry.sdk' in m])"
    said = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True
    ).stdout
    assert said.strip() == "[]"
