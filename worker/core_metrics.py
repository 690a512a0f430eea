"""The Temporal SDK's own metrics, as part of ours: one page and one export carry both.

The SDK's Rust side counts them at no cost to Python and serves them on loopback; they are asked
for when somebody scrapes. Made by `worker.telemetry`.
"""

from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException

import structlog
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from activities.local.ports import LOOPBACK

WITHIN = 2.0
log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class CoreMetrics(Collector):
    """What is served on a port of this machine; nothing while it does not answer."""

    def __init__(self, port: int) -> None:
        self._port = port

    def describe(self) -> Iterable[Metric]:
        """Called at registration, when there is nothing to ask yet."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Blocking, milliseconds; called in a thread at each scrape."""
        return text_string_to_metric_families(self._ask())

    def _ask(self) -> str:
        connection = HTTPConnection(LOOPBACK, self._port, timeout=WITHIN)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        except (OSError, HTTPException) as error:
            log.warning("metrics.core_unreachable", why=str(error))
            return ""
        finally:
            connection.close()
