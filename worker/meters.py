"""Our own metrics of rollouts, counted by the worker whose activity saw it happen.

Made by `worker.app`; `worker.counting` says what happened. Names of the SDK begin with `temporal_`,
Flagger's with `flagger_` (`activities.reporting.counters`). The series of a target go with it.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

from workflows.errors import Reason
from workflows.model.identity import Slot
from workflows.model.requests import Outcome

OWN = ("namespace", "name")
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
DURATIONS = (10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 86_400)
LATENESS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Meters:
    """The series of one worker. Times are seconds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, (*OWN, *labels), registry=registry)

        def histogram(name: str, text: str, limits: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(name, text, (*OWN, *labels), buckets=limits, registry=registry)

        self.started = counter("serinus_rollouts_started", "Rollouts that have a plan.", "kind")
        self.ended = counter(
            "serinus_rollouts_ended", "Rollouts that are over.", "outcome", "reason"
        )
        self.lasted = histogram("serinus_rollout_seconds", "What they took.", DURATIONS, "outcome")
        self.ticks = counter("serinus_ticks", "Looks at a canary, one an interval.", "verdict")
        self.late = histogram("serinus_tick_lateness_seconds", "How late ticks began.", LATENESS)
        self.checks = counter("serinus_checks", "Checks at ticks.", "check", "verdict")
        self.trips = counter("serinus_guard_trips", "Canaries that the guard ended.", "reason")
        self.drift = counter("serinus_route_drift", "Routes found changed by somebody else.")
        self.restored = histogram(
            "serinus_restore_seconds", "From the reason to all users on the primary.", SECONDS
        )
        self.restore_failures = counter(
            "serinus_restore_failures", "Attempts to restore that failed, and are made again."
        )
        self.reacted = histogram(
            "serinus_reaction_seconds",
            "From the first failed tick, or the guard's finding, to all users on the primary.",
            SECONDS,
        )
        self.hooks = counter("serinus_hook_calls", "Calls of hooks.", "type", "result")
        self.alerts = counter(
            "serinus_deliveries", "Attempts to deliver alerts and events.", "channel", "result"
        )
        self._of_targets = (
            self.started, self.ended, self.lasted, self.ticks, self.late, self.checks, self.trips,
            self.drift, self.restored, self.restore_failures, self.reacted, self.hooks,
            self.alerts,
        )  # fmt: skip

    def begin(self, slot: Slot) -> None:
        """Series of what is rare begin at 0, so that the first time is an increase."""
        own = (slot.namespace, slot.name)
        for metric in (self.restore_failures, self.drift, self.restored, self.reacted, self.late):
            metric.labels(*own)
        for reason in (Reason.GUARD_ERRORS, Reason.GUARD_NOT_READY):
            self.trips.labels(*own, reason)
        self.ended.labels(*own, Outcome.PROMOTED, "")

    def forget(self, slot: Slot) -> None:
        """The target was given back to its owner: none of its series is left."""
        for metric in self._of_targets:
            metric.remove_by_labels({"namespace": slot.namespace, "name": slot.name})
