"""What a primary that is there already runs, asked without writing anything."""

import pytest

from activities.kube.fenced import Owner
from activities.kube.objects import KubeObject
from activities.workload.kube import parts_of
from activities.workload.needs import Known, Work
from activities.workload.recognising import Recognised, recognised
from tests.activities.workload.cluster import (
    BROKEN,
    Json,
    Scene,
    an_object,
    ref,
    scene_of,
    settings_of,
    with_pods,
)
from workflows.model.identity import Fence
from workflows.model.target import KNATIVE

SAME, OTHER = Recognised(same=True), Recognised(same=False)


async def look(scene: Scene) -> Recognised | None:
    """As `serinus takeover` asks, with no run and no fence; fails if anything is written."""
    work = Work(
        slot=scene.slot,
        fence=Fence(run_id="", generation=0, sequence=0),
        revision="",
        known=Known(scene.canary.spec),
        began=0.0,
        owner=Owner.canary(scene.canary.metadata.name, scene.canary.metadata.uid or ""),
    )
    before = _all_of(scene)
    found = await recognised(parts_of(scene.kube), work, scene.kube.get(scene.target))
    assert _all_of(scene) == before
    return found


def _all_of(scene: Scene) -> list[KubeObject]:
    return [scene.kube.get(where) for where in sorted(scene.kube.refs, key=str)]


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
async def test_a_copy_is_known_and_a_newer_target_is_not(kind: str) -> None:
    async with scene_of(with_pods(kind)) as scene:
        assert await look(scene) is None
        await scene.adopted()
        assert await look(scene) == SAME
        scene.push("web:2")
        assert await look(scene) == OTHER


async def test_a_tracked_config_that_differs_makes_another() -> None:
    async with scene_of(with_pods()) as scene:
        await scene.adopted()
        scene.kube.put(settings_of(colour="blue"))
        assert await look(scene) == OTHER


async def test_a_default_that_nobody_wrote_and_flagger_copied_makes_no_other() -> None:
    async with scene_of(with_pods()) as scene:
        await scene.adopted()
        default: Json = {"spec": {"template": {"spec": {"defaultOfTomorrow": "x"}}}}
        written: Json = {"f:spec": {"f:template": {"f:spec": {"f:containers": {}}}}}
        entry: Json = {"manager": "kubectl", "operation": "Apply", "fieldsV1": written}
        scene.kube.merge_now(scene.target, default)
        scene.kube.merge_now(scene.target, {"metadata": {"managedFields": [entry]}})
        scene.kube.merge_now(scene.primary, default)
        found = await look(scene)
        assert found is not None
        assert found.same


async def test_a_primary_that_is_not_ready_says_why() -> None:
    async with scene_of(with_pods()) as scene:
        await scene.adopted()
        template: Json = {"metadata": {"annotations": {"why": BROKEN}}}
        scene.kube.merge_now(scene.primary, {"spec": {"template": template}})
        found = await look(scene)
        assert found is not None
        assert found.not_ready


async def test_a_core_service_is_known_by_where_it_sends_requests() -> None:
    def service(version: str) -> Json:
        spec: Json = {"selector": {"version": version}, "ports": [{"name": "http", "port": 80}]}
        return an_object("Service", "web", spec=spec)

    async with scene_of(service("1")) as scene:
        await scene.adopted()
        assert await look(scene) == SAME
        scene.kube.put(service("2"))
        assert await look(scene) == OTHER


async def test_a_knative_service_is_known_by_the_revision_that_was_named() -> None:
    made: Json = {"latestCreatedRevisionName": "web-1", "latestReadyRevisionName": "web-1"}
    target: Json = {**an_object("Service", "web", spec={}), "apiVersion": KNATIVE, "status": made}
    async with scene_of(target) as scene:
        assert await look(scene) is None
        await scene.adopted()
        assert await look(scene) == SAME
        newer: Json = {"status": {"latestCreatedRevisionName": "web-2"}}
        scene.kube.merge_now(scene.target, newer)
        assert await look(scene) == OTHER
        assert scene.target != ref("Service", "web")
