"""Flagger's gauges of Canaries, under its names and labels, read from the objects when asked.

Exported by the controller over what its watch holds. There is no series to forget: what is
deleted is not there at the next scrape.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from activities.kube.objects import KubeObject, int_at, text_at
from workflows.model.status import Phase

RUNNING, SUCCESSFUL, FAILED = 0, 1, 2
_RUNNING = frozenset({Phase.PROGRESSING, Phase.ROLLING_BACK})


class CanaryGauges(Collector):
    """`canaries` gives what there is at the moment of the scrape."""

    def __init__(
        self, canaries: Callable[[], Iterable[KubeObject]], version: str, mesh_provider: str
    ) -> None:
        self._canaries = canaries
        self._version = version
        self._mesh_provider = mesh_provider

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Called by the registry at each scrape."""
        info = GaugeMetricFamily(
            "flagger_info", "What runs here.", labels=("version", "mesh_provider")
        )
        info.add_metric((self._version, self._mesh_provider), 1)
        yield info
        yield from families(list(self._canaries()))


def families(canaries: Iterable[KubeObject]) -> Iterator[GaugeMetricFamily]:
    """The gauges of these Canaries."""
    named = ("name", "namespace")
    total = GaugeMetricFamily("flagger_canary_total", "Canaries.", labels=("namespace",))
    status = GaugeMetricFamily(
        "flagger_canary_status", "0 running, 1 successful, 2 failed.", labels=named
    )
    weight = GaugeMetricFamily(
        "flagger_canary_weight", "Share of traffic.", labels=("workload", "namespace")
    )
    counts: Counter[str] = Counter()
    for canary in canaries:
        namespace = text_at(canary, "metadata", "namespace")
        target = text_at(canary, "spec", "targetRef", "name")
        share = int_at(canary, "status", "canaryWeight") or 0
        counts[namespace] += 1
        status.add_metric((target, namespace), _status(text_at(canary, "status", "phase")))
        weight.add_metric((f"{target}-primary", namespace), 100 - share)
        weight.add_metric((target, namespace), share)
    for namespace, count in sorted(counts.items()):
        total.add_metric((namespace,), count)
    yield from (total, status, weight)


def _status(phase: str) -> int:
    if phase == Phase.FAILED:
        return FAILED
    return RUNNING if phase in _RUNNING else SUCCESSFUL
