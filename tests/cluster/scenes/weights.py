"""What an Ingress says of the canary's share, beside what was counted while it said so."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby, pairwise

import aiohttp

from activities.kube.objects import text_at
from tests.cluster.scenes.crowd import Crowd
from tests.cluster.session import Cluster

WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"
SETTLED = 1.5
"""Seconds after a change of the Ingress in which Traefik may still act on the old one."""
COUNTED = re.compile(
    r'^traefik_service_requests_total\{.*service="([^"]+)@kubernetesingressnginx".*\} (\S+)$',
    re.MULTILINE,
)


@dataclass(frozen=True)
class Look:
    """`answered` and `routed`: requests that met the canary, and all; counted since the start."""

    at: float
    weight: int
    answered: tuple[int, int]
    routed: tuple[int, int]


@dataclass(frozen=True)
class Held:
    """The time in which the Ingress said one weight."""

    weight: int
    answered: tuple[int, int]
    routed: tuple[int, int]

    def share(self, counted: tuple[int, int]) -> float:
        return 100 * counted[0] / counted[1]


@dataclass
class Weights:
    """Looks at one Ingress and its counters, several times a second."""

    looks: list[Look] = field(default_factory=list[Look])

    def held(self) -> list[Held]:
        """Each weight that the Ingress had, in order."""
        runs = [list(run) for _, run in groupby(self.looks, lambda look: look.weight)]
        return [
            Held(
                run[0].weight,
                _since(run, [look.answered for look in run]),
                _since(run, [look.routed for look in run]),
            )
            for run in runs
        ]


def _since(run: list[Look], counts: list[tuple[int, int]]) -> tuple[int, int]:
    """What came while the weight was surely in force."""
    settled = [count for look, count in zip(run, counts, strict=True)
               if look.at - run[0].at >= SETTLED]  # fmt: skip
    if len(settled) < 2:
        return 0, 0
    steps = list(pairwise(settled))
    return sum(b[0] - a[0] for a, b in steps), sum(b[1] - a[1] for a, b in steps)


@asynccontextmanager
async def watched(
    cluster: Cluster, namespace: str, ingress: str, crowd: Crowd, version: str
) -> AsyncGenerator[Weights]:
    """Look while the block lasts; `version` is the one that the canary runs."""
    weights, loop = Weights(), asyncio.get_running_loop()

    async def look(session: aiohttp.ClientSession) -> None:
        made = await cluster.get("networking.k8s.io/v1", "Ingress", f"{ingress}-canary", namespace)
        weight = int(text_at(made or {}, "metadata", "annotations", WEIGHT) or 0)
        routed = await _routed(session, cluster, f"{namespace}-{ingress}")
        answered = crowd.answers[version], crowd.sent
        weights.looks.append(Look(loop.time(), weight, answered, routed))

    async def watch() -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                await look(session)
                await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    try:
        yield weights
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _routed(session: aiohttp.ClientSession, cluster: Cluster, start: str) -> tuple[int, int]:
    async with session.get(f"{cluster.facts.traefik_url}/metrics") as answer:
        page = await answer.text()
    counts = [(name, int(float(count))) for name, count in COUNTED.findall(page)]
    ours = [(name, count) for name, count in counts if name.startswith(start)]
    canary = sum(count for name, count in ours if name.endswith("-canary"))
    return canary, sum(count for _, count in ours)
