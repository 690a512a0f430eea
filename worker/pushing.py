"""Sends the metrics of a program by OTLP: what Prometheus would scrape, each time round.

Loaded by `worker.telemetry` only where metrics are sent. There is one set of metrics, that of the
registry; here it takes OpenTelemetry's form. Counters and histograms are cumulative since the
start of the process, as they are in Prometheus.
"""

import math
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry
from prometheus_client import Metric as Family
from prometheus_client.samples import Sample

GIGA = 1_000_000_000
CUMULATIVE = AggregationTemporality.CUMULATIVE


@contextmanager
def pushing(
    registry: CollectorRegistry, every: float, resource: Mapping[str, str]
) -> Generator[None]:
    """Send every so many seconds from a thread, and once more at the end."""
    own = Resource(dict(resource)).merge(OTELResourceDetector().detect())
    began, over, exporter = time.time_ns(), threading.Event(), OTLPMetricExporter()

    def send() -> None:
        exporter.export(data_of(registry.collect(), own, began, time.time_ns()))

    def keep_sending() -> None:
        while not over.wait(every):
            send()
        send()

    thread = threading.Thread(target=keep_sending, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        _shut(exporter)


def _shut(exporter: MetricExporter) -> None:
    exporter.shutdown()


def data_of(families: Iterable[Family], resource: Resource, began: int, now: int) -> MetricsData:
    """One export. `began` and `now` are nanoseconds since 1970."""
    metrics = [metric for family in families if (metric := _metric(family, began, now))]
    scope = ScopeMetrics(InstrumentationScope("serinus"), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metric(family: Family, began: int, now: int) -> Metric | None:
    samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
    if not samples:
        return None
    unit = "s" if family.name.endswith("_seconds") else ""
    data: Sum | Gauge | Histogram
    match family.type:
        case "histogram":
            data = Histogram(_distributions(samples, began, now), CUMULATIVE)
        case "counter":
            data = Sum(_numbers(samples, began, now), CUMULATIVE, is_monotonic=True)
        case _:
            data = Gauge(_numbers(samples, 0, now))
    return Metric(family.name, family.documentation, unit, data)


def _numbers(samples: Iterable[Sample], began: int, now: int) -> list[NumberDataPoint]:
    return [NumberDataPoint(sample.labels, began, now, sample.value) for sample in samples]


def _distributions(samples: Sequence[Sample], began: int, now: int) -> list[HistogramDataPoint]:
    """A point for each set of labels; Prometheus counts what is below a limit, OTLP between two."""
    series: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in samples:
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        series.setdefault(tuple(sorted(labels.items())), []).append(sample)
    return [_distribution(dict(labels), each, began, now) for labels, each in series.items()]


def _distribution(
    labels: Mapping[str, str], samples: Sequence[Sample], began: int, now: int
) -> HistogramDataPoint:
    limited = [sample for sample in samples if "le" in sample.labels]
    below = sorted((float(each.labels["le"]), int(each.value)) for each in limited)
    counts = [count for _, count in below]
    between = [count - before for count, before in zip(counts, (0, *counts), strict=False)]
    total = next((each.value for each in samples if each.name.endswith("_sum")), 0.0)
    return HistogramDataPoint(
        attributes=dict(labels),
        start_time_unix_nano=began,
        time_unix_nano=now,
        count=counts[-1] if counts else 0,
        sum=total,
        bucket_counts=between,
        explicit_bounds=[limit for limit, _ in below if not math.isinf(limit)],
        min=math.nan,
        max=math.nan,
    )
