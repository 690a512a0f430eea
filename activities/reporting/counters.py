"""Flagger's counters of releases, under its names and labels, for the worker's metrics page.

Counted by `activities.reporting.reporter` when a rollout ends, so that every end is counted by
the one worker that saw it. What a Canary *is* is exported by the controller, from its watch
(`activities.reporting.gauges`).
"""

from collections.abc import Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from activities.kube.objects import KubeObject, at, map_at, maps_at, text_at
from activities.kube.reporter import Standing
from workflows.model.status import Phase

DURATIONS = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)


class RunCounters:
    """Series of one worker; those of a Canary go with it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ends = ("name", "namespace", "deployment_strategy", "analysis_status")
        self._successes = Counter(
            "flagger_canary_successes", "Releases that were promoted.", ends, registry=registry
        )
        self._failures = Counter(
            "flagger_canary_failures", "Releases that were taken back.", ends, registry=registry
        )
        self._durations = Histogram(
            "flagger_canary_duration_seconds",
            "Seconds that releases took.",
            ("name", "namespace"),
            buckets=DURATIONS,
            registry=registry,
        )
        self._values = Gauge(
            "flagger_canary_metric_analysis",
            "The last value of each check.",
            ("name", "namespace", "metric"),
            registry=registry,
        )

    def measured(self, canary: KubeObject, values: Mapping[str, float]) -> None:
        """The checks of a Canary's target gave these values."""
        name = text_at(canary, "spec", "targetRef", "name")
        namespace = text_at(canary, "metadata", "namespace")
        for metric, value in values.items():
            self._values.labels(name, namespace, metric).set(value)

    def count(self, canary: KubeObject, standing: Standing, now: datetime) -> None:
        """A Canary, with the status it had, goes to a new phase."""
        name = text_at(canary, "spec", "targetRef", "name")
        namespace = text_at(canary, "metadata", "namespace")
        match standing.phase:
            case Phase.SUCCEEDED:
                self._successes.labels(name, namespace, strategy(canary), _analysed(canary)).inc()
            case Phase.FAILED:
                self._failures.labels(name, namespace, strategy(canary), _analysed(canary)).inc()
            case Phase.TERMINATED:
                self.remove(namespace, name)
                return
            case _:
                return
        if (seconds := _since_start(canary, now)) is not None:
            self._durations.labels(name, namespace).observe(seconds)

    def remove(self, namespace: str, target: str) -> None:
        """Forget all series of a target."""
        for metric in (self._successes, self._failures, self._durations, self._values):
            metric.remove_by_labels({"name": target, "namespace": namespace})


def strategy(canary: KubeObject) -> str:
    """Flagger's word for how users meet the canary."""
    analysis = map_at(canary, "spec", "analysis")
    if analysis.get("iterations"):
        return "ab-testing" if analysis.get("match") else "blue-green"
    return "blue-green" if text_at(canary, "spec", "provider") == "kubernetes" else "canary"


def _analysed(canary: KubeObject) -> str:
    return "skipped" if at(canary, "spec", "skipAnalysis") is True else "completed"


def _since_start(canary: KubeObject, now: datetime) -> float | None:
    """A release began when its Canary stopped being promoted or failed."""
    for condition in maps_at(canary, "status", "conditions"):
        if condition.get("type") == "Promoted" and condition.get("status") == "Unknown":
            since = datetime.fromisoformat(str(condition.get("lastTransitionTime")))
            return max(0.0, (now - since).total_seconds())
    return None
