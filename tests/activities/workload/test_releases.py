"""Releases of a Deployment: what the primary runs, and who serves meanwhile."""

from collections.abc import AsyncGenerator

import pytest
from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from activities.claims import Claim
from activities.kube.objects import at, int_at, map_at, maps_at, texts_at
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
from tests.builders import a_plan
from workflows.errors import Reason, reason_of
from workflows.model.plan import ALL_PRIMARY, Traffic


@pytest.fixture
async def scene() -> AsyncGenerator[Scene]:
    async with scene_of(with_pods(replicas=3)) as found:
        yield found


async def test_adoption_makes_a_primary_moves_users_and_only_then_stops_the_target(
    scene: Scene,
) -> None:
    revision = await scene.adopted()
    assert scene.image(scene.primary) == "web:1"
    assert scene.replicas(scene.primary) == 3
    assert scene.copies_when_routed == [3]
    assert scene.replicas(scene.target) == 0
    assert (await scene.state()).promoted_revision == revision


async def test_a_bootstrap_that_never_gets_ready_leaves_the_only_serving_copy_alone() -> None:
    async with scene_of(with_pods(image=BROKEN, replicas=3)) as scene:
        revision = await scene.analyse()
        with pytest.raises(ApplicationError) as refused:
            await scene.adopt(revision)
        assert reason_of(refused.value) is Reason.PROGRESS_DEADLINE
        assert scene.replicas(scene.target) == 3
        assert scene.routed == []
        assert scene.primary not in scene.kube.refs
        scene.push("web:2")
        assert await scene.adopted() == (await scene.state()).promoted_revision


async def test_adoption_of_an_existing_primary_restarts_no_pod(scene: Scene) -> None:
    revision = await scene.adopted()
    flaggers = scene.kube.get(scene.primary)
    scene.kube.merge_now(
        scene.primary, {"metadata": {"annotations": {"serinus.dev/revision": None}}}
    )
    before = at(flaggers, "spec", "template")
    scene.kube.drop(ref("ConfigMap", "web-serinus"))
    scene.kube.drop(ref("ControllerRevision", f"web-{revision}"))
    assert await scene.adopted() == revision
    assert at(scene.kube.get(scene.primary), "spec", "template") == before
    assert scene.controllers.rolled["web-primary"] == 0
    assert (await scene.state()).promoted_revision == revision


async def test_a_bootstrap_on_a_rebuilt_cluster_keeps_the_primary_that_is_there(
    scene: Scene,
) -> None:
    await scene.adopted()
    scene.kube.merge_now(
        scene.primary, {"metadata": {"annotations": {"serinus.dev/revision": None}}}
    )
    scene.kube.drop(ref("ConfigMap", "web-serinus"))
    for each in scene.kube.of_kind("ControllerRevision"):
        scene.kube.drop(ref("ControllerRevision", str(at(each, "metadata", "name"))))
    scene.push("web:unvetted")
    revision = await scene.adopted()
    assert scene.image(scene.primary) == "web:1"
    promoted = (await scene.state()).promoted_revision
    assert promoted not in (None, revision)
    scene.kube.drop(scene.primary)
    await scene.stop("other")
    assert scene.image(scene.primary) == "web:1"


async def test_a_bootstrap_does_not_promote_an_unvetted_revision_where_a_snapshot_survived(
    scene: Scene,
) -> None:
    vetted = await scene.adopted()
    scene.kube.drop(ref("ConfigMap", "web-serinus"))
    scene.kube.drop(scene.primary)
    scene.push("web:unvetted")
    await scene.adopted()
    assert scene.image(scene.primary) == "web:1"
    assert (await scene.state()).promoted_revision == vetted


async def test_promotion_copies_what_was_analysed_not_what_the_target_holds(scene: Scene) -> None:
    await scene.adopted()
    scene.push("web:2")
    revision = await scene.analyse()
    await scene.start(revision)
    assert scene.replicas(scene.target) == 3
    scene.push("web:unvetted")
    await scene.promote(revision)
    assert scene.image(scene.primary) == "web:2"
    assert (await scene.state()).promoted_revision == revision


async def test_promotion_of_changed_configs_fails_before_the_primary_is_touched(
    scene: Scene,
) -> None:
    await scene.adopted()
    scene.push("web:2")
    revision = await scene.analyse()
    await scene.start(revision)
    scene.kube.put(settings_of(colour="blue"))
    with pytest.raises(ApplicationError) as refused:
        await scene.promote(revision)
    assert reason_of(refused.value) is Reason.TARGET_CHANGED
    assert refused.value.non_retryable
    assert scene.image(scene.primary) == "web:1"
    assert at(scene.kube.get(ref("ConfigMap", "settings-primary")), "data") == {"colour": "red"}
    assert scene.controllers.rolled["web-primary"] == 0


async def test_a_new_configuration_reaches_the_primary_only_by_promotion(scene: Scene) -> None:
    await scene.adopted()
    scene.kube.put(settings_of(colour="blue"))
    revision = await scene.analyse()
    await scene.start(revision)
    copy = ref("ConfigMap", "settings-primary")
    assert at(scene.kube.get(copy), "data") == {"colour": "red"}
    await scene.promote(revision)
    assert at(scene.kube.get(copy), "data") == {"colour": "blue"}
    assert scene.controllers.rolled["web-primary"] == 1
    assert ref("ConfigMap", "settings-primary-before") not in scene.kube.refs


async def test_a_failed_promotion_puts_the_previous_primary_and_its_configs_back(
    scene: Scene,
) -> None:
    first = await scene.adopted()
    before = scene.kube.get(scene.primary)
    scene.push(BROKEN)
    scene.kube.put(settings_of(colour="blue"))
    revision = await scene.analyse()
    with pytest.raises(ApplicationError) as refused:
        await scene.promote(revision)
    assert reason_of(refused.value) is Reason.PROGRESS_DEADLINE
    after = scene.kube.get(scene.primary)
    # The same template to the letter: the pods that still serve are not replaced.
    assert at(after, "spec", "template") == at(before, "spec", "template")
    copy = ref("ConfigMap", "settings-primary")
    assert at(scene.kube.get(copy), "data") == {"colour": "red"}
    assert ref("ConfigMap", "settings-primary-before") not in scene.kube.refs
    assert (await scene.state()).promoted_revision == first


async def test_a_broken_primary_does_not_block_the_release_that_mends_it(scene: Scene) -> None:
    await scene.adopted()
    scene.kube.merge_now(scene.primary, _image(BROKEN))
    scene.push("web:2")
    revision = await scene.analyse()
    await scene.start(revision)
    await scene.promote(revision)
    await scene.stop(revision)
    assert scene.image(scene.primary) == "web:2"
    assert scene.replicas(scene.target) == 0


async def test_the_canary_is_not_stopped_while_the_primary_could_not_serve(scene: Scene) -> None:
    await scene.adopted()
    scene.push("web:2")
    revision = await scene.analyse()
    await scene.start(revision)
    scene.kube.merge_now(scene.primary, _image(BROKEN))
    await _settled(scene)
    with pytest.raises(ApplicationError) as refused:
        await scene.stop(revision)
    assert reason_of(refused.value) is Reason.PRIMARY_NOT_READY
    assert not refused.value.non_retryable
    assert scene.replicas(scene.target) == 3
    scene.push("web:3")
    await scene.stop(revision)
    assert scene.replicas(scene.target) == 3


async def test_a_deleted_primary_is_rebuilt_from_the_promoted_revision(scene: Scene) -> None:
    await scene.adopted()
    scene.push(BROKEN)
    scene.kube.drop(scene.primary)
    revision = await scene.analyse()
    with pytest.raises(ApplicationError):
        await scene.start(revision)
    assert scene.image(scene.primary) == "web:1"


async def test_a_rebuilt_primary_has_as_many_copies_as_before(scene: Scene) -> None:
    await scene.adopted()
    scene.kube.drop(scene.primary)
    await scene.stop("any")
    assert scene.replicas(scene.primary) == 3


async def test_a_promotion_that_was_cut_off_is_taken_back_by_the_restore(scene: Scene) -> None:
    await scene.adopted()
    before = at(scene.kube.get(scene.primary), "spec", "template")
    scene.push("web:2")
    revision = await scene.analyse()
    await scene.promote(revision)
    async with scene.store.write(scene.slot, scene.fence()) as edit:
        first = edit.state.previous_revision
        await edit.save(edit.state.but(promoted_revision=first, previous_revision=None))
    await scene.stop(revision)
    assert at(scene.kube.get(scene.primary), "spec", "template") == before


async def test_the_run_of_a_canary_that_is_gone_ends_and_stops_nothing(scene: Scene) -> None:
    await scene.adopted()
    scene.push("web:2")
    revision = await scene.analyse()
    await scene.start(revision)
    scene.kube.drop(ref("Canary", "web"))
    await scene.stop(revision)
    assert scene.replicas(scene.target) == 3


async def test_a_target_changed_since_the_plan_is_not_started(scene: Scene) -> None:
    await scene.adopted()
    scene.push("web:2")
    revision = await scene.analyse()
    scene.push("web:3")
    with pytest.raises(ApplicationError) as refused:
        await scene.start(revision)
    assert reason_of(refused.value) is Reason.TARGET_CHANGED
    assert scene.replicas(scene.target) == 0


async def test_undo_gives_the_target_the_revision_before(scene: Scene) -> None:
    first = await scene.adopted()
    scene.push("web:2")
    second = await scene.analyse()
    await scene.start(second)
    await scene.promote(second)
    await scene.stop(second)
    await scene.start(first)
    assert scene.image(scene.target) == "web:1"
    await scene.promote(first)
    assert scene.image(scene.primary) == "web:1"


async def test_a_target_that_others_have_scaled_keeps_its_copies(scene: Scene) -> None:
    await scene.adopted()
    scene.push("web:2")
    scene.kube.merge_now(scene.target, {"spec": {"replicas": 7}})
    revision = await scene.analyse()
    await scene.start(revision)
    assert scene.replicas(scene.target) == 7


async def test_a_late_write_of_an_overtaken_run_is_refused(scene: Scene) -> None:
    await scene.adopted()
    scene.push("web:2")
    revision = await scene.analyse()
    mark: Json = {"metadata": {"annotations": {"serinus.dev/fence": "9999999.1"}}}
    scene.kube.merge_now(scene.target, mark)
    with pytest.raises(ApplicationError) as refused:
        await scene.start(revision)
    assert reason_of(refused.value) is Reason.FENCED
    assert scene.replicas(scene.target) == 0


async def test_release_brings_the_target_back_before_its_routes(scene: Scene) -> None:
    await scene.adopted()
    await scene.release()
    assert scene.replicas(scene.target) == 3
    assert len(scene.undone) == 1


async def test_everything_made_belongs_to_the_canary(scene: Scene) -> None:
    await scene.adopted()
    for where in (scene.primary, ref("ConfigMap", "settings-primary")):
        owners = maps_at(scene.kube.get(where), "metadata", "ownerReferences")
        assert [owner["uid"] for owner in owners] == [scene.canary.metadata.uid]
    assert maps_at(scene.kube.get(scene.target), "metadata", "ownerReferences") == []


async def test_a_config_that_two_canaries_share_has_a_copy_for_each(scene: Scene) -> None:
    foreign = an_object("ConfigMap", "settings-primary", data={"colour": "theirs"})
    owner: Json = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "other",
                   "uid": "other", "controller": True}  # fmt: skip
    scene.kube.put({**foreign, "metadata": {**map_at(foreign, "metadata"),
                                            "ownerReferences": [owner]}})  # fmt: skip
    await scene.adopted()
    theirs = scene.kube.get(ref("ConfigMap", "settings-primary"))
    ours = scene.kube.get(ref("ConfigMap", "settings-web-primary"))
    assert at(theirs, "data") == {"colour": "theirs"}
    assert at(ours, "data") == {"colour": "red"}
    assert "settings-web-primary" in str(at(scene.kube.get(scene.primary), "spec", "template"))


async def test_the_primary_is_not_shrunk_while_users_are_away() -> None:
    limits: Json = {"minReplicas": 2, "maxReplicas": 10, "scaleTargetRef": {
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}  # fmt: skip
    scaler = an_object("HorizontalPodAutoscaler", "web", spec=limits)
    own: Json = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "web"}
    async with scene_of(with_pods(replicas=3), scaler, autoscalerRef=own) as scene:
        mine = ref("HorizontalPodAutoscaler", "web-primary")

        def least() -> int | None:
            return int_at(scene.kube.get(mine), "spec", "minReplicas")

        await scene.adopted()
        assert least() == 2
        scene.kube.merge_now(scene.primary, {"spec": {"replicas": 6}})
        scene.push("web:2")
        revision = await scene.analyse()
        await scene.start(revision)
        assert least() == 6
        assert scene.replicas(scene.target) == 2
        scene.kube.merge_now(scene.target, {"spec": {"replicas": 8}})
        await scene.promote(revision)
        assert (least(), scene.replicas(scene.primary)) == (8, 8)
        await scene.stop(revision)
        assert least() == 2


async def test_a_paused_scaler_never_pauses_the_primary() -> None:
    spec: Json = {"scaleTargetRef": {"name": "web"}, "triggers": []}
    scaler = an_object("ScaledObject", "web", spec=spec)
    own: Json = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web"}
    async with scene_of(with_pods(replicas=2), scaler, autoscalerRef=own) as scene:
        await scene.adopted()
        assert "autoscaling.keda.sh/paused-replicas" in scene.notes(ref("ScaledObject", "web"))
        scene.kube.drop(ref("ScaledObject", "web-primary"))
        scene.push("web:2")
        revision = await scene.analyse()
        await scene.start(revision)
        assert "autoscaling.keda.sh/paused-replicas" not in scene.notes(ref("ScaledObject", "web"))
        await scene.stop(revision)
        primary = scene.notes(ref("ScaledObject", "web-primary"))
        assert not [key for key in primary if "paused" in key]


async def test_promotion_again_restarts_no_pod(scene: Scene) -> None:
    await scene.adopted()
    scene.push("web:2")
    revision = await scene.analyse()
    await scene.promote(revision)
    await scene.promote(revision)
    assert scene.controllers.rolled["web-primary"] == 1
    assert texts_at(scene.kube.get(scene.primary), "metadata", "labels") == {"app": "web-primary"}


def _image(image: str) -> Json:
    containers: JsonValue = [{"name": "web", "image": image}]
    return {"spec": {"template": {"spec": {"containers": containers}}}}


async def _settled(scene: Scene) -> None:
    """Until the controllers have seen the newest template of the primary."""
    async for seen in scene.kube.watch("apps/v1", "Deployment"):
        if at(seen.obj, "metadata", "name") != "web-primary":
            continue
        generation = at(seen.obj, "metadata", "generation")
        if at(seen.obj, "status", "observedGeneration") == generation:
            return


async def test_users_whom_somebody_sends_to_a_canary_that_stops_are_called_back(
    scene: Scene,
) -> None:
    await scene.adopted()
    scene.push("web:2")
    revision = await scene.analyse()
    await scene.start(revision)
    traffic = Traffic(provider="traefik", service="web")
    async with scene.store.write(scene.slot, scene.fence()) as edit:
        await edit.save(edit.state.but(traffic=traffic))
    scene.copies_when_routed.clear()
    await scene.stop(revision)
    assert scene.copies_when_routed == [3, 0]
    assert all(each.traffic == traffic for each in scene.routed[-2:])
    assert all(each.routes == ALL_PRIMARY for each in scene.routed[-2:])


async def test_routes_are_looked_after_while_a_canary_starts(scene: Scene) -> None:
    await scene.adopted()
    scene.push(BROKEN)
    revision = await scene.analyse()
    plan = a_plan(10)
    often = plan.analysis.model_copy(update={"interval": 0.02})
    plan = plan.model_copy(update={"analysis": often})
    claim = Claim(workflow_id="rollout", run_id="run", plan=plan)
    async with scene.store.write(scene.slot, scene.fence()) as edit:
        await edit.save(edit.state.but(traffic=plan.traffic, routes=ALL_PRIMARY, claim=claim))
    scene.routed.clear()
    with pytest.raises(ApplicationError) as refused:
        await scene.start(revision)
    assert reason_of(refused.value) is Reason.PROGRESS_DEADLINE
    assert len(scene.routed) >= 2
    assert {(each.fence.sequence, each.routes) for each in scene.routed} == {
        (scene.sequence, ALL_PRIMARY)
    }
