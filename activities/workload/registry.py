"""Which engine releases which kind of target; the only place that lists them."""

from collections.abc import Callable, Mapping

from activities.workload.daemon_set import DaemonSets
from activities.workload.deployment import Deployments
from activities.workload.knative_targets import KnativeTargets
from activities.workload.needs import TargetEngine
from activities.workload.parts import Parts
from activities.workload.pod_targets import PodTargets
from activities.workload.service_targets import ServiceTargets
from workflows.model.target import KNATIVE

ENGINES: Mapping[tuple[str, str], Callable[[Parts], TargetEngine]] = {
    ("apps/v1", "Deployment"): lambda parts: PodTargets(Deployments(), parts),
    ("apps/v1", "DaemonSet"): lambda parts: PodTargets(DaemonSets(), parts),
    ("v1", "Service"): ServiceTargets,
    (KNATIVE, "Service"): KnativeTargets,
}
"""By API version and kind of the `targetRef`."""
