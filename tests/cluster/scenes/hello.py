"""The service of `examples/kubernetes`, driven by kubectl alone."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.cluster.scenes.crowd import Crowd, crowd, shares
from tests.cluster.scenes.engine import eventually
from tests.cluster.scenes.weights import Weights, watched
from tests.cluster.session import Cluster, until

EXAMPLES = Path(__file__).parents[3] / "examples" / "kubernetes"
INGRESS = "prod-ingress"
HOST = "uracle.local"
RATE = 100


class Hello:
    """Each method is what a person would type, or what users meet."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self._folder = folder
        self.canary = ""

    async def initialised(self, manifest: str, interval: str) -> None:
        """Apply the examples; of them nothing is changed but the interval of a minute."""
        text = (EXAMPLES / manifest).read_text().replace("interval: 1m", f"interval: {interval}")
        path = self._folder / manifest
        path.write_text(text)
        await self.cluster.kubectl("apply", "-f", str(EXAMPLES / "hello-app.yaml"))
        said = await self.cluster.kubectl("apply", "-f", str(path), "-o", "name")
        self.canary = said.strip().rpartition("/")[2]
        await self.reaches("Initialized")
        await until(self._is_served, "the primary is served by the Ingress", 20)

    @asynccontextmanager
    async def counted(self) -> AsyncGenerator[tuple[Crowd, Weights]]:
        """Users while the block lasts, and what the Ingress said meanwhile."""
        async with (
            crowd(self.cluster.ingress_url, RATE, Host=HOST) as users,
            watched(self.cluster, "default", INGRESS, users, "v2") as weights,
        ):
            yield users, weights

    async def release(self, version: str, error_rate: str = "0") -> None:
        env = f'{{"name": "ERROR_RATE", "value": "{error_rate}"}}'
        hello = f'{{"name": "hello", "image": "shop:{version}", "env": [{env}]}}'
        patch = f'{{"spec": {{"template": {{"spec": {{"containers": [{hello}]}}}}}}}}'
        await self.cluster.kubectl("patch", "deployment/hello-v1", "-p", patch)

    async def reaches(self, phase: str) -> None:
        await eventually(self.cluster, "default", self.canary, phase)

    async def wait_for(self, condition: str) -> str:
        """As a script that releases does it."""
        what = f"canary/{self.canary}"
        return await self.cluster.kubectl("wait", what, f"--for={condition}", "--timeout=120s")

    async def reason(self) -> str:
        """What the status says of the promotion."""
        path = "jsonpath={.status.conditions[?(@.type=='Promoted')].message}"
        return await self.cluster.kubectl("get", "canary", self.canary, "-o", path)

    async def versions(self, count: int = 100) -> Mapping[str, int]:
        return await shares(self.cluster.ingress_url, count, Host=HOST)

    async def gone(self) -> None:
        """Delete the Canary, if it is there, and wait until Serinus has let it go."""
        await self.cluster.kubectl(
            "delete", "canary", self.canary, "--ignore-not-found", "--timeout=60s"
        )

    async def _is_served(self) -> bool:
        return set(await self.versions(8)) == {"v1"}
