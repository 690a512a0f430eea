"""A Serinus on a cluster, with the load tester: Temporal and the controller on this machine.

The worker is a pod, so that hooks may name Services.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from temporalio.client import Client

from tests.cluster.scenes import in_cluster
from tests.cluster.scenes.engine import engine
from tests.cluster.scenes.hello import EXAMPLES
from tests.cluster.session import Cluster

CRDS = Path(__file__).parents[3] / "deploy" / "crds"
LOADTESTER = str(EXAMPLES / "hello-loadtester.yaml")


@dataclass(frozen=True)
class Stage:
    """`spaces` are fresh namespaces by a name of the test's own; `default` is served too."""

    cluster: Cluster
    client: Client
    spaces: Mapping[str, str]


@asynccontextmanager
async def stage(cluster: Cluster, home: Path, *names: str) -> AsyncGenerator[Stage]:
    """For the length of the block; the namespaces are known before the controller starts."""
    mark = token_hex(3)
    spaces = {name: f"{name.partition(':')[0]}-{mark}" for name in names}
    for path in CRDS.glob("*.*.yaml"):
        await cluster.apply(path.read_text())
    await cluster.kubectl("apply", "-f", LOADTESTER)
    more = {
        "SERINUS_NAMESPACES": ",".join(("default", *spaces.values())),
        "SERINUS_INTERVAL_FLOOR": "1",
    }
    own = await cluster.namespace(f"serinus-{mark}")
    parts, everywhere = ("temporal", "controller"), in_cluster.EVERYWHERE
    async with engine(cluster, home, *parts, more=more, temporal_ip=everywhere) as serinus:
        await cluster.apply(in_cluster.worker(serinus, home, own), own)
        yield Stage(cluster, serinus.client, spaces)
        await cluster.kubectl("delete", "namespace", own)
    await cluster.kubectl("delete", "-f", LOADTESTER)
