"""Our kubelet: registers the node, binds pods to it and runs them; started by the keeper."""

import asyncio
import signal
import ssl
from contextlib import suppress
from pathlib import Path

from pydantic import JsonValue

from activities.kube.objects import KubeObject, text_at, texts_at
from tests.cluster.network import NODE, Network
from tests.cluster.node.logs import PORT, serve_logs
from tests.cluster.node.pods import Node, Pod
from tests.cluster.node.sandbox import Sandbox
from tests.cluster.node.status import now
from tests.cluster.processes import tell_failure
from tests.cluster.rest import MERGE, UNREACHED, Refused

LABELS = {
    "kubernetes.io/hostname": NODE,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": "amd64",
    "node.kubernetes.io/instance-type": "process",
}
SIZE: dict[str, JsonValue] = {"cpu": "64", "memory": "64Gi", "pods": "2000"}


class Kubelet:
    """All pods of the only node."""

    def __init__(self, node: Node, network: Network) -> None:
        self._node = node
        self._network = network
        self._pods: dict[str, Pod] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: set[str] = set()
        self._count = 0

    async def register(self) -> None:
        """Add the Node, ready, and without the taint that admission gives it."""
        rest = self._node.rest
        with suppress(Refused):
            metadata: dict[str, JsonValue] = {"name": NODE, "labels": dict(LABELS)}
            await rest.ask(
                "POST", "/api/v1/nodes", {"kind": "Node", "apiVersion": "v1", "metadata": metadata}
            )
        await rest.ask("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"taints": None}}, MERGE)
        await rest.ask("PATCH", f"/api/v1/nodes/{NODE}/status", {"status": self._status()}, MERGE)

    def _status(self) -> dict[str, JsonValue]:
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        return {
            "capacity": SIZE,
            "allocatable": SIZE,
            "addresses": [
                {"type": "InternalIP", "address": self._network.outside},
                {"type": "Hostname", "address": NODE},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": PORT}},
            "conditions": [{**ready, "lastHeartbeatTime": now(), "lastTransitionTime": now()}],
        }

    async def run(self, certificate: Path, key: Path) -> None:
        """Serve logs and follow the pods, for ever."""
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)
        logs = await serve_logs(self._network.outside, tls, self.log)
        try:
            async for change, pod in self._node.rest.follow("/api/v1/pods"):
                await self._take(change, pod)
        finally:
            await logs.cleanup()

    def log(self, namespace: str, name: str, container: str, previous: bool) -> Path | None:
        for pod in self._pods.values():
            if (pod.namespace, pod.name) == (namespace, name):
                for each in (*pod.first, *pod.containers):
                    if each.state.name == container:
                        return each.log(each.state.restarts - previous)
        return None

    async def _take(self, change: str, pod: KubeObject) -> None:
        uid = text_at(pod, "metadata", "uid")
        if known := self._pods.get(uid):
            if change == "DELETED":
                known.gone()
            else:
                known.update(pod)
        elif change == "DELETED":
            self._done.discard(uid)
        elif uid in self._done or text_at(pod, "status", "phase") in ("Succeeded", "Failed"):
            return
        elif not text_at(pod, "spec", "nodeName"):
            await self._bind(pod)
        elif text_at(pod, "spec", "nodeName") == NODE:
            self._start(uid, pod)

    async def _bind(self, pod: KubeObject) -> None:
        selector = texts_at(pod, "spec", "nodeSelector")
        if not selector.items() <= LABELS.items():
            return
        namespace, name = (text_at(pod, "metadata", key) for key in ("namespace", "name"))
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/binding"
        metadata: dict[str, JsonValue] = {"name": name}
        target: dict[str, JsonValue] = {"apiVersion": "v1", "kind": "Node", "name": NODE}
        # A pod that is gone again needs no node; without a server, the next list brings it again.
        with suppress(Refused, *UNREACHED):
            await self._node.rest.ask(
                "POST",
                path,
                {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target},
            )

    def _start(self, uid: str, pod: KubeObject) -> None:
        self._count += 1
        address = self._network.pod(self._count)
        namespace = text_at(pod, "metadata", "namespace")
        made = Pod(self._node, pod, Sandbox(uid, namespace, address, self._network))
        self._pods[uid] = made
        task = asyncio.create_task(self._live(uid, made))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(tell_failure)

    async def _live(self, uid: str, pod: Pod) -> None:
        try:
            await pod.run()
        finally:
            self._done.add(uid)
            del self._pods[uid]

    def crash(self, namespace: str, name: str) -> int:
        """Kill the processes of a pod, as a fault would; how many."""

        found = [
            each
            for pod in self._pods.values()
            if (pod.namespace, pod.name) == (namespace, name)
            for each in pod.containers
        ]
        for each in found:
            each.signal(signal.SIGKILL)
        return len(found)
