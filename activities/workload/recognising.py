"""What a primary that was found already made runs: asked before anything is done about it.

Called by `worker.takeover`; adoption itself asks the same of the same code. Writes nothing.
"""

from dataclasses import dataclass

from activities.kube.objects import KubeObject
from activities.kube.snapshots import snapshot_of
from activities.workload.daemon_set import DaemonSets
from activities.workload.deployment import Deployments
from activities.workload.kind import PodKind
from activities.workload.knative import primary_name, revision_name
from activities.workload.needs import Work
from activities.workload.parts import Parts
from activities.workload.primary import PrimaryPods
from activities.workload.readiness import Never, NotYet
from activities.workload.selector import PRIMARY
from activities.workload.service_targets import is_clone
from activities.workload.tracked import checksums
from workflows.model.target import KNATIVE

_PODS: dict[str, PodKind] = {"Deployment": Deployments(), "DaemonSet": DaemonSets()}


@dataclass(frozen=True, slots=True)
class Recognised:
    """A primary. `not_ready` says why it could not have all users; empty when it can."""

    same: bool
    """It runs what the target holds."""
    not_ready: str = ""


async def recognised(parts: Parts, work: Work, target: KubeObject) -> Recognised | None:
    """None where no primary was made yet."""
    if work.target.api_version == KNATIVE:
        name = primary_name(target)
        return Recognised(same=name == revision_name(target)) if name else None
    live = await parts.writes.api.read(work.beside(PRIMARY))
    if live is None:
        return None
    kind = _PODS.get(work.target.kind)
    if kind is None:
        return Recognised(same=is_clone(target, live))
    snapshot = snapshot_of(target, checksums(await parts.configs.live(target)))
    same = await PrimaryPods(kind, parts).runs(work, snapshot, live)
    return Recognised(same=same, not_ready=_why(kind, live))


def _why(kind: PodKind, live: KubeObject) -> str:
    ready = kind.readiness(live, 100)
    return ready.why if isinstance(ready, Never | NotYet) else ""
