"""What the target engines are made of; wired once by `activities.workload.kube`."""

from dataclasses import dataclass

from activities.workload.needs import WorkloadSettings
from activities.workload.revisions import Revisions
from activities.workload.scaling import Scalers
from activities.workload.tracked import TrackedConfigs
from activities.workload.waiting import Waiting
from activities.workload.writes import FencedWrites


@dataclass(frozen=True, slots=True)
class Parts:
    """One for a worker and cluster."""

    writes: FencedWrites
    revisions: Revisions
    configs: TrackedConfigs
    scalers: Scalers
    waiting: Waiting
    settings: WorkloadSettings
