"""A cluster for tests: `async with cluster() as c`; used by the fixture and the command line."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from pydantic import JsonValue

from activities.kube.objects import KubeObject, at
from tests.cluster.applying import Objects
from tests.cluster.binaries import build, cache, program
from tests.cluster.crds import crds
from tests.cluster.facts import Facts, Start
from tests.cluster.install import missing
from tests.cluster.node.images import Image
from tests.cluster.rest import Refused, Rest

USERS = {"serinus": "serinus", "nobody": "nobodies"}
"""Users beside the administrator, and their groups; none may do anything until a role says so."""


class ClusterFailed(Exception):  # noqa: N818  the name says what is wrong
    """The cluster is not up; the text says why."""


class Cluster:
    """A running cluster."""

    def __init__(self, facts: Facts, rest: Rest) -> None:
        self.facts = facts
        self.rest = rest
        self.objects = Objects(rest)
        self.kubeconfig = facts.kubeconfig
        self.server = facts.server
        self.token = facts.token
        self.tokens = facts.tokens
        self.ingress_url = facts.ingress_url
        self.prometheus_url = facts.prometheus_url

    def kubeconfig_of(self, user: str) -> Path:
        """The kubeconfig of one of `USERS`."""
        return self.facts.folder / f"kubeconfig-{user}"

    async def apply(
        self, given: str | KubeObject | Sequence[KubeObject], namespace: str = "default"
    ) -> list[dict[str, JsonValue]]:
        """Server-side apply of YAML text or objects, as `kubectl apply -f` would."""
        return await self.objects.apply(given, namespace)

    async def install(self, provider: str) -> None:
        """The CRDs of a provider (see `tests.cluster.crds.SOURCES`)."""
        await self.apply(crds(provider))

    async def get(
        self, api_version: str, kind: str, name: str, namespace: str = "default"
    ) -> dict[str, JsonValue] | None:
        """One object; None if there is none."""
        try:
            path = await self.objects.path(api_version, kind, namespace, name)
            return await self.rest.ask("GET", path)
        except Refused as error:
            if error.status == 404:
                return None
            raise

    async def delete(
        self, api_version: str, kind: str, name: str, namespace: str = "default"
    ) -> None:
        """Delete one object and, in the background, what it owns."""
        path = await self.objects.path(api_version, kind, namespace, name)
        await self.rest.ask("DELETE", path, {"propagationPolicy": "Background"})

    async def namespace(self, name: str) -> str:
        """Make a namespace in which pods can be."""
        await self.objects.namespace(name)
        return name

    async def kubectl(self, *arguments: str) -> str:
        """What kubectl says, as the administrator."""
        command = (str(program("kubectl")), f"--kubeconfig={self.kubeconfig}", *arguments)
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        if process.returncode:
            raise ClusterFailed(f"kubectl {' '.join(arguments)}: {err.decode()}")
        return out.decode()

    async def image(
        self,
        name: str,
        *entrypoint: str,
        arguments: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        """Say which command an image name (with its tag, or for all tags) stands for."""
        made = Image(entrypoint=entrypoint, arguments=arguments, environment=environment or {})
        await self._order(f"images?name={name}", made.model_dump_json())

    async def kill(self, component: str) -> None:
        """SIGKILL etcd, apiserver, controller-manager, proxy, dns, traefik or prometheus."""
        await self._order(f"daemons/{component}/kill")

    async def stop(self, component: str) -> None:
        """SIGTERM it and wait."""
        await self._order(f"daemons/{component}/stop")

    async def start(self, component: str) -> None:
        """Start it again."""
        await self._order(f"daemons/{component}/start")

    async def pause(self, component: str) -> None:
        """It neither answers nor fails until it is resumed."""
        await self._order(f"daemons/{component}/pause")

    async def resume(self, component: str) -> None:
        await self._order(f"daemons/{component}/resume")

    async def restart(self, component: str) -> None:
        """Kill it, start it and, for the API server, wait until it is ready."""
        await self.kill(component)
        await self.start(component)
        if component in ("apiserver", "etcd"):
            await until(self.rest.alive, f"{component} is back")

    async def crash(self, pod: str, namespace: str = "default") -> None:
        """SIGKILL the containers of a pod; its node starts them again."""
        await self._order(f"pods/{namespace}/{pod}/crash")

    async def ready(
        self, name: str, namespace: str = "default", kind: str = "Deployment", seconds: float = 60
    ) -> None:
        """Wait until a workload is completely rolled out."""

        async def rolled_out() -> bool:
            obj = await self.get("apps/v1", kind, name, namespace)
            return obj is not None and complete(obj)

        await until(rolled_out, f"{kind} {namespace}/{name} is ready", seconds)

    async def _order(self, what: str, body: str | None = None) -> None:
        url = f"{self.facts.control_url}/{what}"
        async with aiohttp.ClientSession() as session, session.post(url, data=body) as answer:
            if answer.status != 200:
                raise ClusterFailed(f"{what}: {answer.status} {await answer.text()}")


def complete(obj: KubeObject) -> bool:
    """Whether a Deployment or DaemonSet runs what its newest spec says, and nothing else."""
    if at(obj, "status", "observedGeneration") != at(obj, "metadata", "generation"):
        return False
    if at(obj, "kind") == "DaemonSet":
        wanted = at(obj, "status", "desiredNumberScheduled")
        return (
            wanted
            == (at(obj, "status", "numberReady") or 0)
            == (at(obj, "status", "updatedNumberScheduled") or 0)
        )
    wanted = at(obj, "spec", "replicas")
    numbers = [
        at(obj, "status", name) or 0 for name in ("replicas", "updatedReplicas", "readyReplicas")
    ]
    return all(number == wanted for number in numbers)


async def until(
    holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 30, every: float = 0.1
) -> None:
    """Wait until something holds, or fail saying what does not."""
    try:
        async with asyncio.timeout(seconds):
            while not await holds():  # noqa: ASYNC110  what is waited for is elsewhere
                await asyncio.sleep(every)
    except TimeoutError:
        raise ClusterFailed(f"not within {seconds:.0f} s: {what}") from None


def command(start: Start) -> list[str]:
    """The keeper, as the first process of namespaces of its own."""
    own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    return [*own, sys.executable, "-m", "tests.cluster.keeper", start.model_dump_json()]


async def launch(start: Start) -> tuple[asyncio.subprocess.Process, Facts]:
    """Start the keeper and wait until its cluster is up."""
    if names := missing():
        raise ClusterFailed(
            f"these Debian packages are missing: {' '.join(names)}; as root, run "
            f"`{sys.executable} -m tests.cluster.install`"
        )
    await asyncio.to_thread(build)
    devnull, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command(start),
        stdin=pipe if start.until_eof else devnull,
        stdout=pipe,
        start_new_session=True,
        limit=2**20,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    line = await process.stdout.readline()
    said: JsonValue = json.loads(line) if line else {"error": "the keeper ended"}
    if not isinstance(said, dict) or "error" in said:
        await process.wait()
        raise ClusterFailed(str(said))
    return process, Facts.model_validate({**said, "pid": process.pid})


def begin(until_eof: bool, users: dict[str, str] | None = None) -> Start:
    sessions = cache() / "sessions"
    return Start(users=USERS | (users or {}), sessions=sessions, until_eof=until_eof)


@asynccontextmanager
async def attached(facts: Facts) -> AsyncGenerator[Cluster]:
    """Use a cluster that somebody else has started."""
    async with Rest(facts.server, facts.token, facts.certificate) as rest:
        yield Cluster(facts, rest)


@asynccontextmanager
async def cluster(users: dict[str, str] | None = None) -> AsyncGenerator[Cluster]:
    """A cluster of one's own: up on entry, gone on exit."""
    process, facts = await launch(begin(until_eof=True, users=users))
    try:
        async with attached(facts) as running:
            yield running
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        shutil.rmtree(facts.folder, ignore_errors=True)
