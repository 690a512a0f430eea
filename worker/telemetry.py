"""What a program tells of itself: traces and metrics, to OpenTelemetry and to Prometheus.

Opened once by worker, controller and gateway. Nothing of OpenTelemetry is loaded unless one of its
own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, or that of traces or metrics) says where to send it;
headers, certificates and time limits are read from those variables by its exporters. Spans are
shaped in `worker.spans`, metrics counted in `worker.meters`.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from temporalio.client import Plugin
from temporalio.runtime import PrometheusConfig, Runtime

from activities.local.ports import LOOPBACK
from worker.connection import Wiring, quiet_runtime
from worker.core_metrics import CoreMetrics
from worker.pages import pages, served
from worker.settings import Settings, SettingsError

ATTEMPTS = 5
WORKER, CONTROLLER, GATEWAY = "serinus-worker", "serinus-controller", "serinus-gateway"


@dataclass(frozen=True)
class Telemetry:
    """One program's. `registry` is None where nobody asked for metrics."""

    wiring: Wiring
    registry: CollectorRegistry | None = None


@asynccontextmanager
async def open_telemetry(
    settings: Settings,
    service: str,
    *,
    address: str = "",
    registry: CollectorRegistry | None = None,
    is_ready: Callable[[], bool] = lambda: True,
) -> AsyncGenerator[Telemetry]:
    """For the length of the block; what is left is sent at its end.

    Metrics are served at `address`, `host:port`, if there is one; with a `registry` somebody else
    serves them.
    """
    registry = _registry(settings, address, registry)
    runtime = quiet_runtime() if registry is None else _measured_runtime(registry)
    with ExitStack() as stack:
        plugins: list[Plugin] = []
        if settings.sends_traces:
            plugins = [stack.enter_context(_traced(service, settings.cluster))]
        if settings.sends_metrics and registry is not None:
            stack.enter_context(_pushed(registry, settings, service))
        async with _served(registry, address, is_ready):
            yield Telemetry(Wiring(runtime, plugins), registry)
        # Sending may wait for a receiver that is away; the loop has its own work to end.
        await asyncio.to_thread(stack.close)


def _registry(
    settings: Settings, address: str, given: CollectorRegistry | None
) -> CollectorRegistry | None:
    if given is None and not address and not settings.sends_metrics:
        return None
    registry = CollectorRegistry() if given is None else given
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def _measured_runtime(registry: CollectorRegistry) -> Runtime:
    """One whose own metrics are part of ours: Rust serves them on loopback, `CoreMetrics` asks.

    It cannot say which port it got, so one that was free a moment ago is tried.
    """
    for attempt in range(1, ATTEMPTS + 1):
        with socket.create_server((LOOPBACK, 0)) as listening:
            port = int(listening.getsockname()[1])
        config = PrometheusConfig(
            bind_address=f"{LOOPBACK}:{port}",
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
        )
        try:
            runtime = quiet_runtime(config)
        except (RuntimeError, ValueError) as error:
            if attempt == ATTEMPTS:
                raise SettingsError(f"Temporal's metrics find no port: {error}") from error
            continue
        registry.register(CoreMetrics(port))
        return runtime
    raise AssertionError("unreachable")


@contextmanager
def _traced(service: str, cluster: str) -> Generator[Plugin]:
    # A program that is not traced need not load a tracer.
    from worker import spans  # noqa: PLC0415

    with spans.tracing(resource(service, cluster)) as plugin:
        yield plugin


@contextmanager
def _pushed(registry: CollectorRegistry, settings: Settings, service: str) -> Generator[None]:
    from worker.pushing import pushing  # noqa: PLC0415  as above

    with pushing(registry, settings.otlp_every / 1000, resource(service, settings.cluster)):
        yield


@asynccontextmanager
async def _served(
    registry: CollectorRegistry | None, address: str, is_ready: Callable[[], bool]
) -> AsyncGenerator[None]:
    if registry is None or not address:
        yield
        return
    host, _, port = address.rpartition(":")
    app = pages(registry, is_ready, "not ready yet")
    async with served(app, int(port), "the address of metrics", host=host.strip("[]")):
        yield


def resource(service: str, cluster: str) -> dict[str, str]:
    """Who sends; OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME win."""
    return {
        "service.name": service,
        "service.version": version("serinus"),
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        "serinus.cluster": cluster,
    }
