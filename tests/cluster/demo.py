"""`make cluster-demo`: a good release promoted and a bad one taken back, on a Kubernetes cluster.

`serinus demo` with another stage: the shop is a Deployment, Traefik is the cluster's, and what
releases is `kubectl apply`; the pictures and the summary are the same.
"""

import asyncio
import contextlib
import sys
import tempfile
from pathlib import Path

from pydantic import JsonValue
from temporalio.client import Client

from tests.cluster.scenes import shop
from tests.cluster.scenes.engine import CLUSTER, engine, eventually
from tests.cluster.session import Cluster, ClusterFailed, cluster, until
from worker import rollouts
from worker.cli.demo import Screens, summary
from worker.cli.output import complain, say, show
from worker.cli.view import ending_text
from worker.stack.demo import RATE, SETTLE, Release
from worker.stack.users import Users
from worker.watching import watch
from workflows.model.identity import Slot
from workflows.model.requests import Outcome
from workflows.model.status import RolloutStatus

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
SPACE, HOST = "demo", "shop.demo"
SLOT = Slot(cluster=CLUSTER, namespace=SPACE, name="shop")
ANALYSIS: dict[str, JsonValue] = {
    "interval": "2s",
    "threshold": 2,
    "stepWeights": [10, 25, 50],
    "metrics": [],
}
LIMIT = 180.0


class Play:
    """The releases of the demo on one cluster."""

    def __init__(self, on: Cluster, client: Client, screens: Screens) -> None:
        self._on = on
        self._client = client
        self._screens = screens

    async def releases(self) -> list[Release]:
        self._screens.say("kubectl apply: the shop v1, its IngressRoute and its Canary")
        await self._on.apply([shop.deployment(SPACE, "v1"), shop.ingress_route(SPACE, HOST)], SPACE)
        await self._on.apply([shop.canary(SPACE, "traefik", ANALYSIS)], SPACE)
        await eventually(self._on, SPACE, "shop", "Initialized")
        async with Users(self._on.ingress_url, HOST, RATE) as users:
            self._screens.say(f"users send {RATE:g} requests a second to {HOST}")
            good = await self._release(users, "v2", Outcome.PROMOTED)
            bad = await self._release(users, "v3", Outcome.ROLLED_BACK, "0.34")
        return [good, bad]

    async def _release(
        self, users: Users, version: str, wanted: Outcome, error_rate: str = "0"
    ) -> Release:
        await asyncio.sleep(SETTLE)
        before, run = users.seen(), (await rollouts.status(self._client, SLOT)).run_id
        self._screens.say(f"kubectl apply: the shop {version}")
        changed = shop.deployment(SPACE, version, ERROR_RATE=error_rate)
        await self._on.apply([changed], SPACE)
        status = await self._followed(users, run)
        await asyncio.sleep(SETTLE)
        return Release(
            version=version,
            wanted=wanted,
            status=status,
            users=users.seen().since(before),
            spared=wanted is Outcome.PROMOTED,
        )

    async def _followed(self, users: Users, before: str) -> RolloutStatus:
        async def begun() -> bool:
            return (await rollouts.status(self._client, SLOT)).run_id != before

        await until(begun, "the controller starts a rollout", 60)
        last: RolloutStatus | None = None
        async with contextlib.aclosing(watch(self._client, SLOT, self._screens.say)) as statuses:
            async for last in statuses:
                self._screens.show(last, users)
        assert last is not None
        return last


async def play() -> int:
    """Exits 0 only if both releases ended as they should."""
    screens = Screens()
    say("starting a Kubernetes cluster")
    async with cluster() as on:
        for path in await asyncio.to_thread(lambda: sorted(CRDS.glob("*.*.yaml"))):
            await on.apply(await asyncio.to_thread(path.read_text))
        await on.namespace(SPACE)
        more = {"SERINUS_NAMESPACES": SPACE, "SERINUS_INTERVAL_FLOOR": "1"}
        say("starting Temporal, the worker and the controller")
        with tempfile.TemporaryDirectory(prefix="serinus-demo-") as home:
            async with engine(on, Path(home), more=more) as serinus, asyncio.timeout(LIMIT):
                releases = await Play(on, serinus.client, screens).releases()
        screens.close()
        say("\n" + await on.kubectl("get", "canaries", "--namespace", SPACE, "-o", "wide"))
    show(summary(releases))
    for release in releases:
        say(f"\n{release.version}: {ending_text(release.status)}")
    return 0 if all(release.as_wanted for release in releases) else 1


def main() -> int:
    try:
        return asyncio.run(play())
    except (ClusterFailed, TimeoutError) as error:
        complain(f"the demo was not over after {LIMIT:g} s: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
