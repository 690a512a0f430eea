"""What is left when all is over: nothing that nobody owns, and nothing at all without Canaries."""

from collections.abc import Sequence

from activities.kube.snapshots import KEPT
from tests.cluster.scenes.engine import Engine
from tests.cluster.session import Cluster, ClusterFailed, until

KINDS = "deployments,services,traefikservices,configmaps,secrets,controllerrevisions,hpa"
RUNNING = 'WorkflowType = "Rollout" AND ExecutionStatus = "Running"'
REVISIONS = KEPT + 3
"""And the promoted one, the one before, and the last that failed."""


async def leftovers(
    cluster: Cluster, engine: Engine, namespace: str, names: Sequence[str]
) -> Sequence[str]:
    """With the Canaries, then without them."""
    wrong = [f"still running: {each.id}" async for each in engine.client.list_workflows(RUNNING)]
    kept = await _all(cluster, namespace, "controllerrevisions")
    own = [[each for each in kept if f"/{name}-" in each] for name in names]
    wrong += [f"too many revisions are kept: {each}" for each in own if len(each) > REVISIONS]
    for name in names:
        await cluster.delete("flagger.app/v1beta1", "Canary", name, namespace)

    async def gone() -> bool:
        return not await _all(cluster, namespace, "canaries")

    await until(gone, "all Canaries are reverted", 90)
    theirs = {f"deployment.apps/{name}" for name in names} | {"configmap/kube-root-ca.crt"}

    async def clean() -> bool:
        return set(await _all(cluster, namespace, KINDS)) <= theirs

    try:
        await until(clean, "the garbage is collected", 20)
    except ClusterFailed:  # what is left says more
        left = set(await _all(cluster, namespace, KINDS)) - theirs
        wrong += [f"orphan: {each}" for each in sorted(left)]
    return wrong


async def _all(cluster: Cluster, namespace: str, kinds: str) -> Sequence[str]:
    return (await cluster.kubectl("-n", namespace, "get", kinds, "-o", "name")).split()
