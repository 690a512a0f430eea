"""Canaries of the Traefik provider as Flagger leaves them: its objects, in its name and shape."""

from dataclasses import dataclass

from pydantic import JsonValue

from activities.kube.objects import KubeObject, at, map_at, text_at, texts_at
from tests.cluster.rest import MERGE
from tests.cluster.scenes import shop
from tests.cluster.session import Cluster, until

FLAGGER = "flagger.app/v1beta1"
FLUX: dict[str, JsonValue] = {
    "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
    "helm.toolkit.fluxcd.io/driftDetection": "disabled",
}
HASH = "78c8c5b7f6"
"""As Flagger writes a digest of a Go struct; it says nothing to anybody else."""
Obj = dict[str, JsonValue]


@dataclass(frozen=True)
class Left:
    """How one Canary is left: its phase, what target and primary hold, and its share."""

    name: str
    phase: str
    target: str = "v1"
    primary: str = "v1"
    weight: int = 0
    promoted: str = HASH
    reverts: bool = False
    """With `revertOnDeletion`, and so with Flagger's finalizer."""


class Flagger:
    """Writes as Flagger does, with its field manager and never by server-side apply."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    async def leave(self, left: Left) -> None:
        """Everything of one Canary, until its pods serve."""
        copies = 1 if left.weight else 0
        await self.cluster.apply(target(self.namespace, left.target, left.name), self.namespace)
        await self.patch("apps/v1", "Deployment", left.name, {"spec": {"replicas": copies}})
        await self.cluster.apply(canary(self.namespace, left), self.namespace)
        uid = text_at(await self.read(FLAGGER, "Canary", left.name), "metadata", "uid")
        live = await self.read("apps/v1", "Deployment", left.name)
        await self.create(_primary(live, left, uid))
        for suffix, pods in (("-canary", ""), ("-primary", "-primary"), ("", "-primary")):
            await self.create(self._service(left.name, suffix, pods, uid))
        await self.create(self._routes(left, uid))
        await self.patch(FLAGGER, "Canary", left.name, {"status": _status(left)}, "/status")
        await self.cluster.ready(f"{left.name}-primary", self.namespace)

    async def create(self, obj: KubeObject) -> None:
        path = await self._path(text_at(obj, "apiVersion"), text_at(obj, "kind"))
        await self.cluster.rest.ask("POST", f"{path}?fieldManager=flagger", obj)

    async def update(self, obj: KubeObject) -> None:
        """The whole object, as a Go client writes it."""
        name = text_at(obj, "metadata", "name")
        path = await self._path(text_at(obj, "apiVersion"), text_at(obj, "kind"), name)
        await self.cluster.rest.ask("PUT", f"{path}?fieldManager=flagger", obj)

    async def patch(
        self, api_version: str, kind: str, name: str, patch: JsonValue, part: str = ""
    ) -> None:
        path = await self._path(api_version, kind, name)
        await self.cluster.rest.ask("PATCH", f"{path}{part}?fieldManager=flagger", patch, MERGE)

    async def read(self, api_version: str, kind: str, name: str) -> Obj:
        found = await self.cluster.get(api_version, kind, name, self.namespace)
        assert found is not None, (kind, name)
        return found

    async def status(self, name: str, field: str) -> JsonValue:
        return at(await self.read(FLAGGER, "Canary", name), "status", field)

    async def until_phase(self, name: str, phase: str) -> None:
        """Wait, with what the Canary says if it does not come to that."""

        async def reached() -> bool:
            return await self.status(name, "phase") == phase

        await until(reached, f"{name} is {phase}", 90)

    async def primary_image(self, name: str) -> str:
        live = await self.read("apps/v1", "Deployment", f"{name}-primary")
        return image_of(live)

    async def _path(self, api_version: str, kind: str, name: str | None = None) -> str:
        return await self.cluster.objects.path(api_version, kind, self.namespace, name)

    def _service(self, name: str, suffix: str, pods: str, uid: str) -> Obj:
        ports: list[JsonValue] = [
            {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}
        ]
        metadata = self._metadata(name, suffix, uid)
        metadata["labels"] = {"app": name + suffix}
        spec: Obj = {"type": "ClusterIP", "selector": {"app": name + pods}, "ports": ports}
        return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}

    def _routes(self, left: Left, uid: str) -> Obj:
        shares = [("-primary", 100 - left.weight), ("-canary", left.weight)]
        services: list[JsonValue] = [
            {"name": left.name + suffix, "namespace": self.namespace, "port": 80, "weight": share}
            for suffix, share in shares
            if share
        ]
        return {
            "apiVersion": "traefik.io/v1alpha1",
            "kind": "TraefikService",
            "metadata": self._metadata(left.name, "", uid),
            "spec": {"weighted": {"services": services}},
        }

    def _metadata(self, name: str, suffix: str, uid: str) -> Obj:
        return {
            "name": name + suffix,
            "namespace": self.namespace,
            "annotations": dict(FLUX),
            "ownerReferences": [_owner(name, uid)],
        }


def target(namespace: str, version: str, name: str) -> Obj:
    """A target without the demo's slow end."""
    made = shop.deployment(namespace, version, name=name, replicas=1)
    containers = at(made, "spec", "template", "spec", "containers")
    assert isinstance(containers, list)
    assert isinstance(containers[0], dict)
    del containers[0]["lifecycle"]
    spec = map_at(made, "spec")
    del spec["replicas"]  # as with an autoscaler, or where nobody wants to fight with one
    return {**made, "spec": spec}


def canary(namespace: str, left: Left) -> Obj:
    analysis: Obj = {"interval": "1s", "threshold": 2, "stepWeights": [50], "metrics": []}
    if not left.reverts:
        return shop.canary(namespace, "traefik", analysis, name=left.name)
    made = shop.canary(namespace, "traefik", analysis, name=left.name, revertOnDeletion=True)
    metadata = map_at(made, "metadata")
    return {**made, "metadata": {**metadata, "finalizers": ["finalizer.flagger.app"]}}


def image_of(deployment: KubeObject) -> str:
    containers = at(deployment, "spec", "template", "spec", "containers")
    first = containers[0] if isinstance(containers, list) else None
    return text_at(first, "image") if isinstance(first, dict) else ""


def _primary(live: KubeObject, left: Left, uid: str) -> Obj:
    """A copy of the target as the API server has it, defaults and all."""
    pods = left.name + "-primary"
    template = map_at(live, "spec", "template")
    notes: Obj = {**texts_at(template, "metadata", "annotations"), "flagger-id": "b2a7"}
    pod = map_at(template, "spec")
    containers = pod["containers"]
    assert isinstance(containers, list)
    assert isinstance(containers[0], dict)
    pod["containers"] = [{**containers[0], "image": f"shop:{left.primary}"}]
    kept = ("progressDeadlineSeconds", "revisionHistoryLimit", "strategy")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": pods,
            "namespace": text_at(live, "metadata", "namespace"),
            "labels": {"app": pods},
            "ownerReferences": [_owner(left.name, uid)],
        },
        "spec": {
            **{field: at(live, "spec", field) for field in kept},
            "replicas": 1,
            "selector": {"matchLabels": {"app": pods}},
            "template": {"metadata": {"labels": {"app": pods}, "annotations": notes}, "spec": pod},
        },
    }


def _status(left: Left) -> Obj:
    """`Promoted` is the only condition that Flagger knows."""
    said = {"Failed": "False", "Succeeded": "True", "Initialized": "True"}
    now = "2026-07-21T10:00:00Z"
    return {
        "phase": left.phase,
        "canaryWeight": left.weight,
        "failedChecks": 0,
        "iterations": 0,
        "lastAppliedSpec": HASH,
        "lastPromotedSpec": left.promoted,
        "lastTransitionTime": now,
        "trackedConfigs": {},
        "conditions": [
            {
                "type": "Promoted",
                "status": said.get(left.phase, "Unknown"),
                "reason": left.phase,
                "message": "as Flagger says it",
                "lastTransitionTime": now,
                "lastUpdateTime": now,
            }
        ],
    }


def _owner(name: str, uid: str) -> Obj:
    return {
        "apiVersion": FLAGGER,
        "kind": "Canary",
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
