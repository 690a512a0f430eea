"""A cluster as Flagger left it: taken over, released on, and handed back."""

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import pytest
from pydantic import JsonValue

from activities.kube.objects import KubeObject, at, map_at, maps_at, text_at, texts_at
from tests.cluster.rest import APPLY
from tests.cluster.scenes.engine import Engine, engine
from tests.cluster.scenes.flagger import FLAGGER, Flagger, Left, image_of, target
from tests.cluster.session import Cluster, until

CRDS = Path(__file__).parents[2] / "deploy" / "crds"
LEFT = (
    Left("kept", "Succeeded", reverts=True),
    Left("failed", "Failed", target="v2"),
    Left("pushed", "Initialized", target="v2"),
    Left("halfway", "Progressing", target="v2", weight=30, promoted="other"),
    Left("promoting", "Promoting", target="v2", primary="v2", weight=50, promoted="other"),
)
ROUTES = ("traefik.io/v1alpha1", "TraefikService")
SPEC = ("apps/v1", "Deployment")
Sight = dict[str, JsonValue]


@dataclass
class Scene:
    """One namespace as Flagger left it, and Serinus after it."""

    flagger: Flagger
    engine: Engine
    foretold: str
    """What `serinus takeover --dry-run` said."""
    before: dict[str, Sight]
    """What users depend on, as it was before."""

    async def sight(self, name: str) -> Sight:
        """What users depend on: pods, and every field that sends them somewhere."""
        flagger = self.flagger
        primary = await flagger.read(*SPEC, f"{name}-primary")
        routes = await flagger.read(*ROUTES, name)
        services = [await flagger.read("v1", "Service", name + suffix) for suffix in SUFFIXES]
        return {
            "primary": [at(primary, "spec"), at(primary, "metadata", "uid")],
            "pods": await pods_of(flagger, f"{name}-primary"),
            "writes to the routes": at(routes, "metadata", "generation"),
            "routes": at(routes, "spec"),
            "services": [map_at(each, "spec") for each in services],
        }

    async def runs(self, name: str) -> list[str]:
        """Reasons of the events of a Canary: what its rollouts did."""
        listed = await self.flagger.cluster.rest.ask(
            "GET", f"/apis/events.k8s.io/v1/namespaces/{self.flagger.namespace}/events"
        )
        return [
            text_at(each, "reason")
            for each in maps_at(listed, "items")
            if (text_at(each, "regarding", "name"), text_at(each, "regarding", "kind"))
            == (name, "Canary")
        ]


SUFFIXES = ("", "-primary", "-canary")


async def pods_of(flagger: Flagger, app: str) -> list[JsonValue]:
    path = f"/api/v1/namespaces/{flagger.namespace}/pods?labelSelector=app%3D{app}"
    found = await flagger.cluster.rest.ask("GET", path)
    return [*sorted(text_at(pod, "metadata", "uid") for pod in maps_at(found, "items"))]


@pytest.fixture(scope="module", name="scene")
async def a_scene(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Scene]:
    for crd in sorted(CRDS.glob("*.yaml")):
        if "kustomization" not in crd.name:
            await cluster.apply(crd.read_text(encoding="utf-8"))
    namespace = await cluster.namespace(f"left-{token_hex(3)}")
    flagger = Flagger(cluster, namespace)
    await asyncio.gather(*(flagger.leave(left) for left in LEFT))
    more = {
        "SERINUS_NAMESPACES": namespace,
        "SERINUS_INTERVAL_FLOOR": "1",
        "SERINUS_DRAIN": "1",
    }
    home = tmp_path_factory.mktemp("takeover")
    async with engine(cluster, home, "temporal", more=more) as started:
        code, foretold = await started.command("takeover", "--dry-run")
        assert code == 0, foretold
        scene = Scene(flagger, started, foretold, {})
        scene.before = {left.name: await scene.sight(left.name) for left in LEFT}
        await started.start("worker", "controller")
        yield scene
    for left in LEFT:
        await flagger.patch(FLAGGER, "Canary", left.name, {"metadata": {"finalizers": None}})
    await cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def test_the_dry_run_says_what_becomes_of_each(scene: Scene) -> None:
    told = {
        found[1]: found[2].strip()
        for line in scene.foretold.splitlines()
        if (found := re.match(r"\S+/(\w+)\s+\w+\s+(kept|safe state first|will release)", line))
    }
    assert told == {
        "kept": "kept",
        "failed": "kept",
        "pushed": "will release",
        "halfway": "safe state first",
        "promoting": "safe state first",
    }


@pytest.mark.parametrize(("name", "phase"), [("kept", "Succeeded"), ("failed", "Failed")])
async def test_one_at_rest_is_adopted_with_no_pod_restarted_and_no_weight_written(
    scene: Scene, name: str, phase: str
) -> None:
    await until(lambda: _adopted(scene, name), f"{name} is adopted", 90)
    await scene.flagger.until_phase(name, phase)

    assert await scene.sight(name) == scene.before[name]
    assert await scene.runs(name) == []
    held = at(await scene.flagger.read(FLAGGER, "Canary", name), "metadata", "finalizers")
    assert held == (["finalizer.flagger.app"] if name == "kept" else ["serinus.dev/finalizer"])
    code, said = await scene.engine.command("takeover", name)
    assert (code, "ours already" in said) == (0, True), said


async def test_what_was_pushed_while_nobody_looked_is_released(scene: Scene) -> None:
    await scene.flagger.until_phase("pushed", "Succeeded")

    assert await scene.flagger.primary_image("pushed") == "shop:v2"
    assert "RolloutStarted" in await scene.runs("pushed")


async def test_one_half_way_goes_back_and_is_released_from_the_start(scene: Scene) -> None:
    await scene.flagger.until_phase("halfway", "Succeeded")

    assert await scene.flagger.primary_image("halfway") == "shop:v2"
    happened = await scene.runs("halfway")
    assert {"Initialized", "RolloutStarted", "Promoted"} <= set(happened)


async def test_a_promotion_that_had_copied_the_target_counts_as_done(scene: Scene) -> None:
    await scene.flagger.until_phase("promoting", "Succeeded")

    after, before = await scene.sight("promoting"), scene.before["promoting"]
    assert (after["pods"], after["primary"]) == (before["pods"], before["primary"])
    routes = await scene.flagger.read(*ROUTES, "promoting")
    shares = maps_at(routes, "spec", "weighted", "services")
    assert [each["name"] for each in shares] == ["promoting-primary"]
    assert at(await scene.flagger.read(*SPEC, "promoting"), "spec", "replicas") == 0
    assert "RolloutStarted" not in await scene.runs("promoting")


async def test_a_mend_of_the_failed_revision_is_released_as_any_other(scene: Scene) -> None:
    flagger = scene.flagger
    await until(lambda: _adopted(scene, "failed"), "failed is adopted", 90)
    await flagger.until_phase("failed", "Failed")

    await flagger.cluster.apply(target(flagger.namespace, "v3", "failed"), flagger.namespace)
    await flagger.until_phase("failed", "Succeeded")

    assert await flagger.primary_image("failed") == "shop:v3"


async def test_handed_back_it_is_as_flagger_left_it_and_serinus_stays_away(scene: Scene) -> None:
    flagger, namespace = scene.flagger, scene.flagger.namespace
    await flagger.until_phase("pushed", "Succeeded")
    await until(lambda: _adopted(scene, "pushed"), "no rollout of it runs", 30)
    before = await scene.sight("pushed")

    code, said = await scene.engine.command("handback", "pushed", "--namespace", namespace)
    assert code == 0, said
    assert "starts no rollout" in said

    assert await scene.sight("pushed") == before
    canary = await flagger.read(FLAGGER, "Canary", "pushed")
    assert map_at(canary, "status") == {}
    assert at(canary, "metadata", "finalizers") is None
    assert await flagger.cluster.get("v1", "ConfigMap", "pushed-serinus", namespace) is None
    for obj in await _all_of(flagger, "pushed"):
        where = (text_at(obj, "kind"), text_at(obj, "metadata", "name"))
        assert [key for key in texts_at(obj, "metadata", "annotations") if "serinus" in key] == [
            *(["serinus.dev/handed-back"] if where == ("Canary", "pushed") else [])
        ], where
        managers = {text_at(each, "manager") for each in maps_at(obj, "metadata", "managedFields")}
        assert "serinus" not in managers, where

    # Whoever applies has no conflict with us, and Flagger's own writes go through.
    await _apply_without_force(flagger, "pushed")
    await flagger.update(await flagger.read(*ROUTES, "pushed"))
    await flagger.cluster.apply(target(namespace, "v4", "pushed"), namespace)
    code, said = await scene.engine.command("takeover", "--dry-run", "pushed")
    assert "will release" in said
    assert map_at(await flagger.read(FLAGGER, "Canary", "pushed"), "status") == {}

    code, said = await scene.engine.command("takeover", "pushed")
    assert (code, "taken over" in said) == (0, True), said
    await flagger.until_phase("pushed", "Succeeded")
    assert await flagger.primary_image("pushed") == "shop:v4"


async def test_what_runs_is_not_handed_back(scene: Scene) -> None:
    flagger, namespace = scene.flagger, scene.flagger.namespace
    await until(lambda: _adopted(scene, "kept"), "kept is adopted", 90)
    gate: JsonValue = {"name": "gate", "type": "confirm-rollout", "url": "http://127.0.0.1:9/"}
    patch: JsonValue = {"spec": {"analysis": {"webhooks": [gate]}}}
    await flagger.patch(FLAGGER, "Canary", "kept", patch)
    await flagger.cluster.apply(target(namespace, "v2", "kept"), namespace)
    await flagger.until_phase("kept", "Waiting")

    code, said = await scene.engine.command("handback", "kept", "--namespace", namespace)

    assert (code, "is running" in said) == (1, True), said
    assert "handed-back" not in str(await flagger.read(FLAGGER, "Canary", "kept"))


async def _adopted(scene: Scene, name: str) -> bool:
    """No rollout runs, and one has run."""
    flagger = scene.flagger
    kept = await flagger.cluster.get("v1", "ConfigMap", f"{name}-serinus", flagger.namespace)
    state = text_at(kept or {}, "data", "state.json")
    return '"claim":null' in state and '"outcome":' in state


async def _all_of(flagger: Flagger, name: str) -> list[KubeObject]:
    kinds = [(FLAGGER, "Canary", ""), (*SPEC, ""), (*SPEC, "-primary"), (*ROUTES, "")]
    kinds += [("v1", "Service", suffix) for suffix in SUFFIXES]
    return [await flagger.read(version, kind, name + end) for version, kind, end in kinds]


async def _apply_without_force(flagger: Flagger, name: str) -> None:
    """A GitOps tool that has the replicas, which Serinus wrote last."""
    wanted = target(flagger.namespace, image_of(await flagger.read(*SPEC, name))[5:], name)
    wanted["spec"] = {**map_at(wanted, "spec"), "replicas": 0}
    path = await flagger.cluster.objects.path(*SPEC, flagger.namespace, name)
    await flagger.cluster.rest.ask("PATCH", f"{path}?fieldManager=tests", wanted, APPLY)
