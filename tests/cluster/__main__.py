"""A real Kubernetes cluster by hand: `python -m tests.cluster build|up|shell|down`.

`make cluster` runs `shell`: a cluster with the demo shop in it, which ends with the shell.
"""

import argparse
import asyncio
import shutil
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import aiohttp
from starlette.config import Config

from tests.cluster.binaries import build, cache
from tests.cluster.facts import Facts, read
from tests.cluster.session import (
    Cluster,
    ClusterFailed,
    attached,
    begin,
    cluster,
    launch,
    until,
)

SHOP = Path(__file__).with_name("shop.yaml")
Verb = Callable[[argparse.Namespace], Coroutine[None, None, int]]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def with_shop(running: Cluster) -> None:
    """Put the demo shop in and wait for it."""
    await running.apply(SHOP.read_text())
    await running.ready("shop", "shop")


def described(facts: Facts) -> str:
    host = "-H 'Host: shop.example.com'"
    return (
        f"export KUBECONFIG={facts.kubeconfig}\n"
        f"export SERINUS_TEST_CLUSTER={facts.folder / 'facts.json'}\n"
        f"# shop:       curl {host} {facts.ingress_url}/\n"
        f"# traefik:    {facts.traefik_url}\n"
        f"# prometheus: {facts.prometheus_url}\n"
        f"# logs:       {facts.folder / 'logs'}"
    )


async def up(arguments: argparse.Namespace) -> int:
    """Start a cluster; with --keep it stays until `down`."""
    if not arguments.keep:
        async with cluster() as running:
            await with_shop(running)
            say(described(running.facts))
            await asyncio.Event().wait()
    _, facts = await launch(begin(until_eof=False))
    (facts.folder / "facts.json").write_text(facts.model_dump_json())
    async with attached(facts) as running:
        await with_shop(running)
    say(described(facts))
    return 0


async def shell(_: argparse.Namespace) -> int:
    """A shell in which kubectl finds the cluster."""
    settings = Config()
    async with cluster() as running:
        await with_shop(running)
        say(described(running.facts))
        path = f"{cache() / 'bin'}:{settings('PATH')}"
        process = await asyncio.create_subprocess_exec(
            *("env", f"KUBECONFIG={running.kubeconfig}", f"PATH={path}"),
            settings("SHELL", default="/bin/sh"),
        )
        return await process.wait()


async def down(_: argparse.Namespace) -> int:
    """End every cluster that was started with --keep."""
    for path in kept():
        facts = read(path)
        try:
            async with aiohttp.ClientSession() as session:
                await session.post(f"{facts.control_url}/down")
        except aiohttp.ClientError:
            shutil.rmtree(path.parent)
        await until(_gone(path.parent), f"{path.parent} is gone")
        say(f"ended {path.parent}")
    return 0


def kept() -> list[Path]:
    """The facts of every cluster that was started with --keep."""
    return list((cache() / "sessions").glob("*/facts.json"))


def _gone(folder: Path) -> Callable[[], Coroutine[None, None, bool]]:
    async def gone() -> bool:
        return not await asyncio.to_thread(folder.exists)

    return gone


async def only_build(_: argparse.Namespace) -> int:
    """Build what is missing."""
    for name, path in build().items():
        say(f"{name}: {path}")
    return 0


VERBS: dict[str, Verb] = {"build": only_build, "up": up, "shell": shell, "down": down}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--keep", action="store_true", help="up: leave it running")
    arguments = parser.parse_args()
    try:
        return asyncio.run(VERBS[arguments.verb](arguments))
    except ClusterFailed as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
