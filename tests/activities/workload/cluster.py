"""A cluster in memory whose controllers roll pods out, and one target on it."""

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import JsonValue
from temporalio.testing import ActivityEnvironment

from activities.kube.api import Change
from activities.kube.objects import KubeObject, Ref, at, int_at, map_at, ref_of, texts_at
from activities.kube.snapshots import Snapshots, snapshot_of
from activities.kube.state import CanarySnapshot, KubeState
from activities.kube.store import KubeStore
from activities.workload.kube import KubeWorkload, parts_of
from activities.workload.needs import WorkloadSettings
from tests.fakes_kube import InMemoryKube
from workflows.model.canary import Canary
from workflows.model.identity import Fence, Slot
from workflows.model.plan import Traffic
from workflows.model.requests import (
    AdoptTarget,
    EnsureRoutes,
    PromoteTarget,
    ReleaseTarget,
    RoutesEnsured,
    StartCanary,
    StopCanary,
)
from workflows.model.revision import SCALE_TO_ZERO, target_revision
from workflows.model.tracking import checksum, references

NAMESPACE = "shop"
BROKEN = "broken"
Json = dict[str, JsonValue]
T = TypeVar("T")
_generations = itertools.count(1_000)


def ref(kind: str, name: str) -> Ref:
    versions = {
        "Deployment": "apps/v1", "DaemonSet": "apps/v1", "ControllerRevision": "apps/v1",
        "HorizontalPodAutoscaler": "autoscaling/v2", "ScaledObject": "keda.sh/v1alpha1",
        "Canary": "flagger.app/v1beta1",
    }  # fmt: skip
    return Ref(versions.get(kind, "v1"), kind, name, NAMESPACE)


def an_object(kind: str, name: str, **fields: JsonValue) -> Json:
    where = ref(kind, name)
    metadata: Json = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": where.api_version, "kind": kind, "metadata": metadata, **fields}


def with_pods(kind: str = "Deployment", image: str = "web:1", **spec: JsonValue) -> Json:
    pod: Json = {"containers": [{"name": "web", "image": image, "envFrom": [
        {"configMapRef": {"name": "settings"}}]}]}  # fmt: skip
    template: Json = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    selector: Json = {"matchLabels": {"app": "web"}}
    return an_object(kind, "web", spec={"selector": selector, "template": template, **spec})


def settings_of(**data: JsonValue) -> Json:
    return an_object("ConfigMap", "settings", data=data)


class Controllers:
    """What kube-controller-manager and kubelets do, at once: pods of a broken image never serve."""

    def __init__(self, kube: InMemoryKube) -> None:
        self._kube = kube
        self._templates: dict[Ref, str] = {}
        self.rolled: Counter[str] = Counter()
        """How often the pods of each were replaced."""
        self.nodes = 2

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        tasks = [asyncio.create_task(self._run(kind)) for kind in ("Deployment", "DaemonSet")]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, kind: str) -> None:
        async for seen in self._kube.watch("apps/v1", kind):
            if seen.change in (Change.ADDED, Change.MODIFIED):
                self._roll(seen.obj)

    def _roll(self, obj: KubeObject) -> None:
        where, template = ref_of(obj), map_at(obj, "spec", "template")
        with contextlib.suppress(KeyError):
            self._kube.get(where)
            if self._templates.get(where) not in (None, json.dumps(template, sort_keys=True)):
                self.rolled[where.name] += 1
            self._templates[where] = json.dumps(template, sort_keys=True)
            broken = BROKEN in json.dumps(template)
            status = self._daemons(obj) if where.kind == "DaemonSet" else _replicas(obj, broken)
            self._kube.merge_now(where, {"status": status})

    def _daemons(self, obj: KubeObject) -> Json:
        asleep = SCALE_TO_ZERO in map_at(obj, "spec", "template", "spec", "nodeSelector")
        count = 0 if asleep else self.nodes
        return {
            "observedGeneration": at(obj, "metadata", "generation"),
            "desiredNumberScheduled": count,
            "updatedNumberScheduled": count,
            "numberAvailable": count,
        }


def _replicas(obj: KubeObject, broken: bool) -> Json:
    wanted = int_at(obj, "spec", "replicas")
    count = 1 if wanted is None else wanted
    before = int_at(obj, "status", "availableReplicas") or 0
    old = min(before, max(0, count - 1)) if broken else 0
    return {
        "observedGeneration": at(obj, "metadata", "generation"),
        "replicas": count + old if broken else count,
        "updatedReplicas": count,
        "availableReplicas": old if broken else count,
    }


@dataclass
class Scene:
    """One Canary, its target, and the run that writes to it."""

    kube: InMemoryKube
    controllers: Controllers
    canary: Canary
    store: KubeStore
    workload: KubeWorkload
    routed: list[EnsureRoutes]
    copies_when_routed: list[int | None]
    """Of the target."""
    undone: list[ReleaseTarget]
    generation: int = field(default_factory=lambda: next(_generations))
    sequence: int = 0
    deadline: float = 0.2

    @property
    def slot(self) -> Slot:
        return Slot(cluster="test", namespace=NAMESPACE, name=self.canary.metadata.name)

    @property
    def target(self) -> Ref:
        found = self.canary.spec.target_ref
        return Ref(found.api_version, found.kind, found.name, NAMESPACE)

    @property
    def primary(self) -> Ref:
        return Ref(self.target.api_version, self.target.kind, "web-primary", NAMESPACE)

    def fence(self) -> Fence:
        self.sequence += 1
        return Fence(run_id="run", generation=self.generation, sequence=self.sequence)

    async def analyse(self) -> str:
        """Keep what the target is now, as planning does when a run begins."""
        target = self.kube.get(self.target)
        configs = self.checksums(target)
        revision = target_revision(target, configs)
        canary = CanarySnapshot.of(self.canary)
        snapshots = Snapshots(self.kube)
        await snapshots.keep(self.slot, revision, snapshot_of(target, configs), canary.owner)
        async with self.store.write(self.slot, self.fence()) as edit:
            await edit.save(edit.state.but(canary=canary))
        return revision

    def checksums(self, target: KubeObject) -> Mapping[str, str]:
        if self.target.kind == "Service":
            return {}
        found = {
            each.key: checksum(self.kube.get(ref(each.kind, each.name)))
            for each in references(map_at(target, "spec", "template"))
        }
        return {key: value for key, value in found.items() if value is not None}

    async def state(self) -> KubeState:
        return await self.store.read(self.slot)

    def push(self, image: str) -> None:
        """The user edits the target."""
        containers: JsonValue = [{"name": "web", "image": image, "envFrom": [
            {"configMapRef": {"name": "settings"}}]}]  # fmt: skip
        patch: Json = {"spec": {"template": {"spec": {"containers": containers}}}}
        self.kube.merge_now(self.target, patch)

    def image(self, where: Ref) -> str:
        containers = at(self.kube.get(where), "spec", "template", "spec", "containers")
        assert isinstance(containers, list)
        assert isinstance(containers[0], dict)
        return str(containers[0]["image"])

    def replicas(self, where: Ref) -> int | None:
        return int_at(self.kube.get(where), "spec", "replicas")

    def notes(self, where: Ref) -> Mapping[str, str]:
        return texts_at(self.kube.get(where), "metadata", "annotations")

    async def adopted(self) -> str:
        revision = await self.analyse()
        await self.adopt(revision)
        return revision

    async def adopt(self, revision: str) -> None:
        request = AdoptTarget(
            slot=self.slot, fence=self.fence(), revision=revision, deadline=self.deadline,
            traffic=Traffic(provider="kubernetes", service="web"),
        )  # fmt: skip
        await run(self.workload.adopt, request)

    async def start(self, revision: str) -> None:
        request = StartCanary(
            slot=self.slot, fence=self.fence(), revision=revision, deadline=self.deadline
        )
        await run(self.workload.start_canary, request)

    async def promote(self, revision: str) -> None:
        request = PromoteTarget(
            slot=self.slot, fence=self.fence(), revision=revision, deadline=self.deadline
        )
        await run(self.workload.promote, request)

    async def stop(self, revision: str) -> None:
        request = StopCanary(slot=self.slot, fence=self.fence(), revision=revision)
        await run(self.workload.stop_canary, request)

    async def release(self) -> None:
        request = ReleaseTarget(slot=self.slot, fence=self.fence(), revision="any")
        await run(self.workload.release, request)


async def run(act: Callable[[T], Awaitable[None]], request: T) -> None:
    await ActivityEnvironment().run(act, request)


@asynccontextmanager
async def scene_of(*objects: Json, **spec: JsonValue) -> AsyncGenerator[Scene]:
    kube = InMemoryKube(*objects, settings_of(colour="red"))
    target = next(obj for obj in objects if at(obj, "metadata", "name") == "web")
    document: Json = an_object("Canary", "web", spec={
        "provider": "knative" if "knative" in str(target["apiVersion"]) else "istio",
        "targetRef": {"apiVersion": target["apiVersion"], "kind": target["kind"], "name": "web"},
        "service": {"port": 80},
        "analysis": {"interval": "10s", "threshold": 2, "stepWeight": 10},
        **spec,
    })  # fmt: skip
    canary = Canary.model_validate(kube.put(document))
    routed: list[EnsureRoutes] = []
    copies_when_routed: list[int | None] = []
    undone: list[ReleaseTarget] = []

    async def routes(request: EnsureRoutes) -> RoutesEnsured:
        where = Ref(str(target["apiVersion"]), str(target["kind"]), "web", NAMESPACE)
        copies_when_routed.append(int_at(kube.get(where), "spec", "replicas"))
        routed.append(request)
        return RoutesEnsured(changed=True)

    async def undo(request: ReleaseTarget) -> None:
        undone.append(request)

    controllers = Controllers(kube)
    store = KubeStore(kube, "test")
    workload = KubeWorkload(parts_of(kube, WorkloadSettings(drain=0)), store, routes, undo)
    async with controllers.running():
        yield Scene(kube, controllers, canary, store, workload, routed, copies_when_routed, undone)
