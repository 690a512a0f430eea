"""A bad canary on Kubernetes, beside the peer's figures: `python -m tests.bench cluster_reaction`.

The set-up in which Flagger 1.44 was measured on the same test cluster: Traefik, 100 user
requests/s, 10 % share, interval 10 s, threshold 2, a canary that fails a third of its answers and
of its readiness probes. Counted is what users got: from the first bad answer to the last.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median

from pydantic import JsonValue

from activities.load.generator import LoadGenerator
from activities.load.options import LoadOptions
from tests.bench.real_stack import Failures
from tests.bench.table import judged, show, tell
from tests.cluster.scenes import shop
from tests.cluster.scenes.engine import Engine, engine, eventually
from tests.cluster.session import Cluster, cluster

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
SPACE, HOST = "bad", "shop.bad"
RUNS = 5
RATE, AT_ONCE = 100.0, 20
LONGEST, MOST = 2.0, 6
PEER_SECONDS, PEER_FAILED = 57.8, 59
ANALYSIS: dict[str, JsonValue] = {"interval": "10s", "threshold": 2, "stepWeights": [10, 50]}


def probed(version: str, error_rate: float = 0.0) -> shop.Obj:
    """The shop whose readiness is asked of the page that fails."""
    return shop.deployment(SPACE, version, probe="/", ERROR_RATE=f"{error_rate:g}")


async def one(on: Cluster, number: int, users: Failures) -> tuple[float, int]:
    """Seconds of bad answers, and how many there were."""
    users.at.clear()
    await on.apply([probed(f"v{number}", 0.34)], SPACE)
    await eventually(on, SPACE, "shop", "Progressing")
    await eventually(on, SPACE, "shop", "Failed")
    await asyncio.sleep(3.0)
    return (users.at[-1] - users.at[0] if users.at else 0.0), len(users.at)


async def measure() -> list[tuple[float, int]]:
    async with cluster() as on:
        for path in await asyncio.to_thread(lambda: sorted(CRDS.glob("*.*.yaml"))):
            await on.apply(await asyncio.to_thread(path.read_text))
        await on.namespace(SPACE)
        await on.apply([probed("v0"), shop.ingress_route(SPACE, HOST)], SPACE)
        with tempfile.TemporaryDirectory(prefix="serinus-bench-") as home:
            async with engine(on, Path(home), more={"SERINUS_NAMESPACES": SPACE}) as running:
                return await _runs(on, running)


async def _runs(on: Cluster, running: Engine) -> list[tuple[float, int]]:
    await on.apply([shop.canary(SPACE, "traefik", ANALYSIS)], SPACE)
    await eventually(on, SPACE, "shop", "Initialized")
    await asyncio.sleep(5.0)
    options = LoadOptions(
        url=on.ingress_url, host=HOST, rate=RATE / AT_ONCE, workers=AT_ONCE, requests=10**9
    )
    generator = LoadGenerator(options)
    generator.tally = users = Failures()
    sending = asyncio.create_task(generator.run())
    seen: list[tuple[float, int]] = []
    try:
        for number in range(1, RUNS + 1):
            seen.append(await one(on, number, users))
            tell(f"run {number}: {seen[-1][0]:.2f} s, {seen[-1][1]} failed")
    finally:
        generator.stop()
        await sending
    assert running.running["worker"].returncode is None
    return seen


def main() -> bool:
    seen = asyncio.run(measure())
    seconds, failed = [each[0] for each in seen], [each[1] for each in seen]
    rows = [
        ("seconds of bad answers", f"{median(seconds):.2f}", f"{max(seconds):.2f}", PEER_SECONDS),
        ("failed user requests", f"{median(failed):g}", max(failed), PEER_FAILED),
    ]
    show(
        f"A canary that fails a third, {RUNS} runs, 100 requests/s, 10 % share",
        ("", "median", "worst", "Flagger 1.44"),
        rows,
    )
    soon = judged(median(seconds) <= LONGEST, f"bad answers ≤ {LONGEST:g} s (median)")
    few = judged(median(failed) <= MOST, f"failed requests ≤ {MOST} (median)")
    return soon and few


if __name__ == "__main__":
    sys.exit(not main())
