"""The other kinds of target: DaemonSets, core Services, Knative Services."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.kube.objects import Ref, at, text_at
from tests.activities.workload.cluster import (
    NAMESPACE,
    Json,
    Scene,
    an_object,
    ref,
    scene_of,
    with_pods,
)
from workflows.errors import Reason, reason_of
from workflows.model.revision import SCALE_TO_ZERO

KNATIVE = "serving.knative.dev/v1"


def _asleep(scene: Scene, where: Ref) -> bool:
    return SCALE_TO_ZERO in str(at(scene.kube.get(where), "spec", "template", "spec"))


async def test_a_daemon_set_rests_on_no_node_and_is_woken_for_a_release() -> None:
    async with scene_of(with_pods("DaemonSet")) as scene:
        await scene.adopted()
        assert _asleep(scene, scene.target)
        assert not _asleep(scene, scene.primary)
        scene.push("web:2")
        revision = await scene.analyse()
        await scene.start(revision)
        assert not _asleep(scene, scene.target)
        await scene.promote(revision)
        await scene.stop(revision)
        assert scene.image(scene.primary) == "web:2"
        assert _asleep(scene, scene.target)
        assert not _asleep(scene, scene.primary)


async def test_a_daemon_set_that_replaces_no_pod_is_refused() -> None:
    strategy: Json = {"type": "OnDelete"}
    async with scene_of(with_pods("DaemonSet", updateStrategy=strategy)) as scene:
        with pytest.raises(ApplicationError) as refused:
            await scene.adopted()
        assert reason_of(refused.value) is Reason.INVALID_MANIFEST


def _service(version: str) -> Json:
    spec: Json = {
        "clusterIP": "10.0.0.7",
        "selector": {"app": "web", "version": version},
        "ports": [{"name": "http", "port": 80, "nodePort": 30_001}],
    }
    return an_object("Service", "web", spec=spec)


async def test_a_core_service_is_promoted_from_what_was_analysed() -> None:
    async with scene_of(_service("1")) as scene:
        await scene.adopted()
        primary, canary = ref("Service", "web-primary"), ref("Service", "web-canary")
        given: Json = {"spec": {"clusterIP": "10.0.0.8"}}
        scene.kube.merge_now(primary, given)
        scene.kube.put(_service("2"))
        revision = await scene.analyse()
        await scene.start(revision)
        assert text_at(scene.kube.get(canary), "spec", "selector", "version") == "2"
        assert text_at(scene.kube.get(primary), "spec", "selector", "version") == "1"
        scene.kube.put(_service("unvetted"))
        await scene.promote(revision)
        live = scene.kube.get(primary)
        assert text_at(live, "spec", "selector", "version") == "2"
        assert text_at(live, "spec", "clusterIP") == "10.0.0.8"
        assert "nodePort" not in str(at(live, "spec", "ports"))


async def test_a_deleted_primary_service_is_rebuilt_from_the_promoted_revision() -> None:
    async with scene_of(_service("1")) as scene:
        await scene.adopted()
        scene.kube.put(_service("2"))
        revision = await scene.analyse()
        scene.kube.drop(ref("Service", "web-primary"))
        await scene.stop(revision)
        live = scene.kube.get(ref("Service", "web-primary"))
        assert text_at(live, "spec", "selector", "version") == "1"


def _knative(created: str, ready: str) -> Json:
    return {
        **an_object("Service", "web", spec={"template": {}}),
        "apiVersion": KNATIVE,
        "status": {"latestCreatedRevisionName": created, "latestReadyRevisionName": ready},
    }


async def test_knative_promotes_the_revision_that_was_analysed_not_the_latest() -> None:
    async with scene_of(_knative("web-1", "web-1")) as scene:
        await scene.adopted()
        assert scene.notes(scene.target)["flagger.app/primary-revision"] == "web-1"
        made: Json = {"status": {"latestCreatedRevisionName": "web-2",
                                 "latestReadyRevisionName": "web-2"}}  # fmt: skip
        scene.kube.merge_now(scene.target, made)
        revision = await scene.analyse()
        await scene.start(revision)
        newer: Json = {"status": {"latestCreatedRevisionName": "web-3"}}
        scene.kube.merge_now(scene.target, newer)
        await scene.promote(revision)
        assert scene.notes(scene.target)["flagger.app/primary-revision"] == "web-2"


async def test_knative_revision_that_never_is_ready_is_not_promoted_at_the_deadline() -> None:
    async with scene_of(_knative("web-1", "")) as scene:
        revision = await scene.analyse()
        with pytest.raises(ApplicationError) as refused:
            await scene.adopt(revision)
        assert reason_of(refused.value) is Reason.PROGRESS_DEADLINE


async def test_a_knative_primary_named_before_stays_the_primary() -> None:
    async with scene_of(_knative("web-2", "web-2")) as scene:
        named: Json = {"metadata": {"annotations": {"flagger.app/primary-revision": "web-1"}}}
        scene.kube.merge_now(scene.target, named)
        revision = await scene.adopted()
        assert (await scene.state()).promoted_revision not in (None, revision)
        assert scene.notes(Ref(KNATIVE, "Service", "web", NAMESPACE))[
            "flagger.app/primary-revision"
        ] == "web-1"  # fmt: skip
