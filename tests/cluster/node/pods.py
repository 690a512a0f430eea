"""One pod: its sandbox, its containers, and the status that says how they are.

Made by `tests.cluster.node.kubelet` for each pod bound to the node.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from activities.kube.objects import KubeObject, int_at, map_at, maps_at, text_at
from tests.cluster.node.containers import Container, Surroundings
from tests.cluster.node.images import Images
from tests.cluster.node.sandbox import Sandbox
from tests.cluster.node.sources import Sources
from tests.cluster.node.status import report
from tests.cluster.processes import tell_failure
from tests.cluster.rest import MERGE, UNREACHED, Refused, Rest

RETRY = 0.3


@dataclass
class Node:
    """What all pods of the node share."""

    rest: Rest
    images: Images
    address: str
    inherited: dict[str, str]
    logs: Path


@dataclass
class Pod:
    """One pod, from its binding to its deletion."""

    node: Node
    latest: KubeObject
    sandbox: Sandbox
    first: list[Container] = field(default_factory=list[Container])
    containers: list[Container] = field(default_factory=list[Container])

    def __post_init__(self) -> None:
        self.namespace = text_at(self.latest, "metadata", "namespace")
        self.name = text_at(self.latest, "metadata", "name")
        self.path = f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"
        self._dirty = asyncio.Event()
        self._reported: KubeObject = {}
        self._leave = asyncio.Event()
        if text_at(self.latest, "metadata", "deletionTimestamp"):
            self._leave.set()

    def update(self, latest: KubeObject) -> None:
        self.latest = latest
        if text_at(latest, "metadata", "deletionTimestamp"):
            self._leave.set()

    def gone(self) -> None:
        """The object is no more: nothing to be reported, all to be stopped now."""
        self._reported = {"gone": True}
        self._leave.set()

    async def run(self) -> None:
        """The whole life of the pod."""
        await self.sandbox.make()
        self._fill()
        work = asyncio.create_task(self._work())
        reporting = asyncio.create_task(self._report_changes())
        for task in (work, reporting):
            task.add_done_callback(tell_failure)
        await self._leave.wait()
        self._dirty.set()
        grace = int_at(self.latest, "metadata", "deletionGracePeriodSeconds") or 0
        every = [*self.first, *self.containers]
        await asyncio.gather(*(each.stop(grace) for each in every))
        for task in (work, reporting):
            task.cancel()
        await asyncio.gather(work, reporting, return_exceptions=True)
        await self.sandbox.drop()
        await self._forget()

    async def _work(self) -> None:
        self._dirty.set()
        for each in self.first:
            await each.run()
            if each.state.exited != 0:
                return
        await asyncio.gather(*(each.run() for each in self.containers))

    def _fill(self) -> None:
        logs = self.node.logs / f"{self.namespace}_{self.name}_{self.sandbox.uid}"
        logs.mkdir(parents=True)
        around = Surroundings(
            pod=self._with_address(),
            sandbox=self.sandbox,
            images=self.node.images,
            sources=Sources(self.node.rest, self.namespace),
            logs=logs,
            inherited={**self.node.inherited, "HOSTNAME": self.name},
            changed=self._dirty.set,
        )
        policy = text_at(self.latest, "spec", "restartPolicy")
        until_good = "Never" if policy == "Never" else "OnFailure"
        for spec in maps_at(self.latest, "spec", "initContainers"):
            self.first.append(Container(spec, around, until_good))
        for spec in maps_at(self.latest, "spec", "containers"):
            self.containers.append(Container(spec, around, policy))

    def _with_address(self) -> KubeObject:
        """The pod as its containers see it: `fieldRef` may ask for its address."""
        status = {"podIP": self.sandbox.address, "hostIP": self.node.address}
        return {**self.latest, "status": {**map_at(self.latest, "status"), **status}}

    async def _report_changes(self) -> None:
        while not self._reported.get("gone"):
            await self._dirty.wait()
            self._dirty.clear()
            try:
                await self._report()
            except (*UNREACHED, Refused) as error:
                if isinstance(error, Refused) and error.status == 404:
                    return
                self._dirty.set()
                await asyncio.sleep(RETRY)

    async def _report(self) -> None:
        status = self._reported or map_at(self.latest, "status")
        found = report(
            {**self.latest, "status": dict(status)},
            [each.state for each in self.containers],
            [each.state for each in self.first],
            (self.sandbox.address, self.node.address),
        )
        await self.node.rest.ask("PATCH", f"{self.path}/status", {"status": found}, MERGE)
        if not self._reported.get("gone"):
            self._reported = found

    async def _forget(self) -> None:
        """Tell the API server that nothing of the pod is left."""
        exactly: JsonValue = {"uid": self.sandbox.uid}
        wanted: KubeObject = {"gracePeriodSeconds": 0, "preconditions": exactly}
        while not self._reported.get("gone"):
            try:
                await self.node.rest.ask("DELETE", self.path, wanted)
            except Refused as error:
                if error.status in (404, 409):
                    return
                await asyncio.sleep(RETRY)
            except UNREACHED:
                await asyncio.sleep(RETRY)
            else:
                return
