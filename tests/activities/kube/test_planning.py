"""From objects of a cluster to a plan, a claim, a snapshot and a word to people."""

import pytest
from pydantic import JsonValue
from temporalio.exceptions import ApplicationError

from activities.kube.objects import KubeObject, Ref, int_at, map_at, maps_at, text_at, texts_at
from activities.kube.planning import KubePlanning
from activities.kube.reporter import Standing
from activities.kube.snapshots import KEPT, Snapshots
from activities.kube.sources import PlanningSettings
from activities.kube.store import KubeStore
from tests.activities.kube.canaries import (
    CANARY,
    DEPLOYMENT,
    SLOT,
    canary,
    config_map,
    deployment,
    policy,
    template,
)
from tests.fakes_kube import InMemoryKube
from workflows.compile import AUTHOR
from workflows.errors import Reason, reason_of
from workflows.model.identity import Fence, Slot
from workflows.model.plan import PlanKind, Supersede
from workflows.model.provider import Provider
from workflows.model.requests import (
    Action,
    CloseRun,
    LookRequest,
    Outcome,
    PrepareRequest,
)
from workflows.model.status import Phase


class Words:
    """What people were told."""

    def __init__(self) -> None:
        self.told: list[Standing] = []

    async def tell(self, slot: Slot, standing: Standing) -> None:
        assert slot == SLOT
        self.told.append(standing)


class Scene:
    """One Canary on one cluster."""

    def __init__(self, *objects: KubeObject, settings: PlanningSettings | None = None) -> None:
        self.kube = InMemoryKube(*objects)
        self.store = KubeStore(self.kube, "here")
        self.words = Words()
        self.running = {"run-1"}
        self.planning = KubePlanning(
            self.kube, self.store, settings or SETTINGS, self.words, self._is_running
        )

    async def _is_running(self, workflow_id: str, run_id: str) -> bool:
        assert workflow_id == SLOT.workflow_id
        return run_id in self.running

    async def prepare(
        self, generation: int = 1, action: Action = Action.RELEASE, *, previous: bool = False
    ) -> tuple[PlanKind, str]:
        request = PrepareRequest(
            slot=SLOT, fence=fence(1, generation), workflow_id=SLOT.workflow_id, action=action,
            previous=previous,
        )  # fmt: skip
        plan = (await self.planning.prepare(request)).plan
        return plan.kind, plan.revision

    async def promoted(self, generation: int, revision: str) -> None:
        async with self.store.write(SLOT, fence(8, generation)) as edit:
            await edit.save(edit.state.promoted(revision))

    async def close(self, generation: int, outcome: Outcome, revision: str, text: str = "") -> None:
        await self.planning.close(
            CloseRun(slot=SLOT, fence=fence(9, generation), revision=revision, outcome=outcome,
                     message=text, started_at=1, ended_at=2)
        )  # fmt: skip

    async def initialised(self) -> str:
        _, revision = await self.prepare(1)
        await self.promoted(1, revision)
        await self.close(1, Outcome.INITIALISED, revision)
        return revision

    async def reason(self) -> Reason:
        with pytest.raises(ApplicationError) as refused:
            await self.prepare()
        return reason_of(refused.value)


SETTINGS = PlanningSettings(selector_label=lambda target: ("app", text_at(target, "kind")))


def fence(sequence: int, generation: int = 1) -> Fence:
    return Fence(run_id=f"run-{generation}", generation=generation, sequence=sequence)


def edited(image: str) -> KubeObject:
    return deployment(image)


async def test_the_first_run_initialises_claims_and_tells() -> None:
    scene = Scene({**canary(), "status": {}}, deployment())
    kind, revision = await scene.prepare()
    state = await scene.store.read(SLOT)

    assert kind is PlanKind.INITIALISE
    assert state.claim is not None
    assert (state.claim.run_id, state.claim.workflow_id) == ("run-1", SLOT.workflow_id)
    assert state.canary is not None
    assert state.canary.uid == text_at(scene.kube.get(CANARY), "metadata", "uid")
    assert state.canary.selector_label == ("app", "Deployment")
    assert state.canary.annotations == {"a": "b"}
    (told,) = scene.words.told
    assert (told.phase, told.last_applied, told.workflow_id) == (
        Phase.INITIALIZING, revision, SLOT.workflow_id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("left", "phase", "looked_at"),
    [
        ("Failed", Phase.FAILED, "the target's"),
        ("Progressing", Phase.INITIALIZED, "the primary's"),
        ("Succeeded", Phase.INITIALIZED, "the primary's"),
    ],
)
async def test_one_that_was_left_with_another_primary_says_what_is_to_be_looked_at(
    left: str, phase: Phase, looked_at: str
) -> None:
    scene = Scene({**canary(), "status": {"phase": left}}, deployment())
    kind, revision = await scene.prepare()
    await scene.promoted(1, "s1-primary")
    await scene.close(1, Outcome.INITIALISED, revision)

    assert kind is PlanKind.INITIALISE
    told, state = scene.words.told[-1], await scene.store.read(SLOT)
    applied = revision if looked_at == "the target's" else "s1-primary"
    assert (told.phase, told.last_applied, told.last_promoted) == (phase, applied, "s1-primary")
    assert state.failed_revision == (revision if left == "Failed" else None)


async def test_one_at_rest_stays_so_in_its_status_while_it_is_adopted() -> None:
    scene = Scene({**canary(), "status": {"phase": "Succeeded"}}, deployment())
    _, revision = await scene.prepare()
    assert scene.words.told[-1].phase is None

    await scene.promoted(1, revision)
    await scene.close(1, Outcome.INITIALISED, revision)

    assert scene.words.told[-1].phase is Phase.SUCCEEDED


async def test_an_interval_below_ten_seconds_is_ten() -> None:
    scene = Scene(canary(), deployment())
    await scene.prepare()
    state = await scene.store.read(SLOT)
    assert state.claim is not None
    assert state.claim.plan.analysis.interval == 10


async def test_the_installation_says_what_a_canary_leaves_open() -> None:
    manifest = dict(canary(analysis={
        "interval": "1m", "threshold": 1, "stepWeight": 50,
        "metrics": [{"name": "request-success-rate", "interval": "1m",
                     "thresholdRange": {"min": 99}}],
    }))  # fmt: skip
    spec = {name: each for name, each in map_at(manifest, "spec").items() if name != "provider"}
    settings = PlanningSettings(default_provider=Provider.TRAEFIK, metrics_server="http://m:1")
    scene = Scene({**manifest, "spec": spec}, deployment(), settings=settings)
    await scene.prepare()
    state = await scene.store.read(SLOT)

    assert state.claim is not None
    plan = state.claim.plan
    assert plan.traffic.provider == Provider.TRAEFIK
    assert plan.analysis.checks[0].metric.address == "http://m:1"


async def test_a_new_revision_is_released_from_its_snapshot() -> None:
    scene = Scene(canary(), deployment("web:1"))
    first = await scene.initialised()
    scene.kube.put(edited("web:2"))
    kind, second = await scene.prepare(2)
    scene.kube.put(edited("web:3"))
    kept = await Snapshots(scene.kube).read(SLOT, second)

    assert kind is PlanKind.RELEASE
    assert first != second
    (container,) = maps_at(kept.target, "spec", "template", "spec", "containers")
    assert container["image"] == "web:2"
    assert "status" not in kept.target
    assert text_at(kept.target, "metadata", "uid") == ""
    look = await scene.planning.look(LookRequest(slot=SLOT))
    assert look.revision not in (first, second)
    assert look.promoted_revision == first


async def test_the_author_is_whom_the_target_says_made_its_change() -> None:
    scene = Scene(canary(), deployment("web:1"))
    await scene.initialised()
    changed = edited("web:2")
    annotations: dict[str, JsonValue] = {AUTHOR: "ben"}
    metadata: dict[str, JsonValue] = {**map_at(changed, "metadata"), "annotations": annotations}
    scene.kube.put({**changed, "metadata": metadata})
    request = PrepareRequest(slot=SLOT, fence=fence(1, 2), workflow_id=SLOT.workflow_id)
    prepared = await scene.planning.prepare(request)
    assert prepared.plan.author == "ben"


async def test_a_change_of_replicas_is_no_revision() -> None:
    scene = Scene(canary(), deployment())
    first = await scene.initialised()
    scene.kube.merge_now(DEPLOYMENT, {"spec": {"replicas": 0}})
    assert await scene.prepare(2) == (PlanKind.UNCHANGED, first)


async def test_a_changed_config_is_a_revision_and_its_checksum_is_kept() -> None:
    volumes: JsonValue = [{"name": "c", "configMap": {"name": "web-config"}}]
    scene = Scene(canary(), deployment(volumes=volumes), config_map("web-config", a="1"))
    await scene.initialised()
    scene.kube.put(config_map("web-config", a="2"))
    kind, revision = await scene.prepare(2)
    kept = await Snapshots(scene.kube).read(SLOT, revision)

    assert kind is PlanKind.RELEASE
    assert list(kept.configs) == ["configmap/web-config"]
    assert scene.words.told[-1].tracked_configs == kept.configs


async def test_a_missing_config_is_waited_for() -> None:
    volumes: JsonValue = [{"name": "c", "secret": {"secretName": "web-secret"}}]
    scene = Scene(canary(), deployment(volumes=volumes))
    with pytest.raises(ApplicationError, match="reads Secret web-secret") as refused:
        await scene.prepare()
    assert not refused.value.non_retryable


async def test_undo_releases_the_revision_before_from_its_snapshot() -> None:
    scene = Scene(canary(), deployment("web:1"))
    first = await scene.initialised()
    scene.kube.put(edited("web:2"))
    _, second = await scene.prepare(2)
    await scene.promoted(2, second)
    await scene.close(2, Outcome.PROMOTED, second)

    assert await scene.prepare(3, previous=True) == (PlanKind.RELEASE, first)


async def test_there_may_be_nothing_to_undo() -> None:
    scene = Scene(canary(), deployment())
    await scene.initialised()
    with pytest.raises(ApplicationError, match="no revision before"):
        await scene.prepare(2, previous=True)


@pytest.mark.parametrize("objects", [(), (deployment(),), (canary(),)])
async def test_without_a_canary_or_target_the_run_ends_and_leaves_nothing(
    objects: tuple[KubeObject, ...]
) -> None:  # fmt: skip
    scene = Scene(*objects)
    assert await scene.reason() in (Reason.TARGET_NOT_FOUND, Reason.INVALID_MANIFEST)
    assert scene.kube.writes == []


async def test_an_invalid_manifest_names_every_problem() -> None:
    scene = Scene(canary(analysis={"interval": "1m", "threshold": 1}), deployment())
    with pytest.raises(ApplicationError, match=r"Canary shop/web: spec\.analysis") as refused:
        await scene.prepare()
    assert reason_of(refused.value) is Reason.INVALID_MANIFEST
    assert refused.value.non_retryable
    assert refused.value.details


def checked_by(name: str, namespace: str) -> KubeObject:
    metric: JsonValue = {"name": "m", "interval": "1m", "thresholdRange": {"max": 1},
                         "templateRef": {"name": name, "namespace": namespace}}  # fmt: skip
    analysis: JsonValue = {"interval": "1m", "threshold": 1, "stepWeight": 50, "metrics": [metric]}
    return canary(analysis=analysis)


async def test_a_template_of_another_namespace_is_read() -> None:
    scene = Scene(checked_by("t", "shared"), deployment(), template("t", "shared"))
    await scene.prepare()
    state = await scene.store.read(SLOT)
    assert state.claim is not None
    assert len(state.claim.plan.analysis.checks) == 1


async def test_a_template_that_is_not_there_is_refused() -> None:
    scene = Scene(checked_by("t", "shared"), deployment(), template("t", "shop"))
    assert await scene.reason() is Reason.INVALID_MANIFEST


async def test_references_across_namespaces_are_refused_at_use() -> None:
    settings = PlanningSettings(no_cross_namespace_refs=True)
    scene = Scene(
        checked_by("t", "shared"), deployment(), template("t", "shared"), settings=settings
    )
    with pytest.raises(ApplicationError, match="does not allow references across"):
        await scene.prepare()


async def test_the_policy_of_the_namespace_holds() -> None:
    scene = Scene(canary(), deployment(), policy(supersede="queue", minInterval="3s"))
    await scene.prepare()
    state = await scene.store.read(SLOT)
    assert state.claim is not None
    assert state.claim.plan.supersede is Supersede.QUEUE
    assert state.claim.plan.analysis.interval == 5


async def test_a_cluster_without_our_kinds_has_the_default_policy() -> None:
    scene = Scene(canary(), deployment())
    scene.kube.not_installed.add("RolloutPolicy")
    assert (await scene.prepare())[0] is PlanKind.INITIALISE


async def test_a_deleted_canary_is_reverted_as_it_was_when_it_ran() -> None:
    scene = Scene(checked_by("t", "shop"), deployment(), template("t", "shop"))
    await scene.initialised()
    scene.kube.drop(DEPLOYMENT)
    scene.kube.drop(Ref("flagger.app/v1beta1", "MetricTemplate", "t", "shop"))
    scene.kube.merge_now(CANARY, {"spec": {"analysis": None}})

    assert (await scene.prepare(2, Action.REVERT))[0] is PlanKind.REVERT
    assert scene.words.told[-1].phase is Phase.TERMINATING
    assert scene.words.told[-1].last_applied is None


async def test_a_canary_made_anew_begins_anew() -> None:
    scene = Scene(canary(), deployment())
    await scene.initialised()
    uid = text_at(scene.kube.get(CANARY), "metadata", "uid")
    state = await scene.store.read(SLOT)
    scene.kube.drop(CANARY)
    scene.kube.put(canary())
    # The garbage collector has not come yet: the old state is still there.
    async with scene.store.write(SLOT, fence(9)) as edit:
        await edit.save(state.but(fence=fence(9)))
    kind, _ = await scene.prepare(2)
    after = await scene.store.read(SLOT)

    assert kind is PlanKind.INITIALISE
    assert after.canary is not None
    assert after.canary.uid != uid
    assert after.promoted_revision is None


async def test_closing_keeps_the_outcome_and_frees_the_slot() -> None:
    scene = Scene(canary(), deployment())
    _, revision = await scene.prepare()
    await scene.close(1, Outcome.ROLLED_BACK, revision, "x" * 9_000)
    state = await scene.store.read(SLOT)

    assert state.claim is None
    assert state.failed_revision == revision
    assert [len(run.message) for run in state.history] == [500]
    assert scene.words.told[-1].phase is Phase.FAILED
    assert scene.words.told[-1].canary_weight == 0


async def test_an_overtaken_run_does_not_free_the_slot_of_the_next() -> None:
    scene = Scene(canary(), deployment())
    await scene.prepare(1)
    await scene.prepare(2)
    with pytest.raises(ApplicationError) as refused:
        await scene.close(1, Outcome.PROMOTED, "any")
    with pytest.raises(ApplicationError):
        await scene.prepare(1)

    state = await scene.store.read(SLOT)
    assert reason_of(refused.value) is Reason.FENCED
    assert state.claim is not None
    assert state.claim.run_id == "run-2"


async def test_a_claim_without_a_run_is_an_orphan_and_owes_what_began() -> None:
    undo: JsonValue = [
        {"name": "first", "after": "start", "url": "http://127.0.0.1:9/"},
        {"name": "second", "after": "promote", "url": "http://127.0.0.1:9/"},
    ]
    scene = Scene(canary(), deployment("web:1"), policy(undo=undo))
    await scene.initialised()
    scene.kube.put(edited("web:2"))
    await scene.prepare(2)
    async with scene.store.write(SLOT, fence(3, 2)) as edit:
        await edit.save(edit.state.at_step("weight-50").at_step("restore"))
    scene.running = {"run-2"}
    assert (await scene.planning.find_orphans()).orphans == ()
    scene.running = set()
    scene.kube.requests.clear()
    (orphan,) = (await scene.planning.find_orphans()).orphans

    assert (orphan.slot, orphan.run_id) == (SLOT, "run-2")
    assert [hook.name for hook in orphan.owed] == ["first"]
    assert scene.kube.counts == {"list ConfigMap": 1}


async def test_old_snapshots_are_forgotten_but_not_those_in_use() -> None:
    scene = Scene(canary(), deployment("web:0"))
    first = await scene.initialised()
    for number in range(2, KEPT + 6):
        scene.kube.put(edited(f"web:{number}"))
        _, revision = await scene.prepare(number)
        await scene.close(number, Outcome.ROLLED_BACK, revision)
    kept = scene.kube.of_kind("ControllerRevision")

    assert len(kept) == KEPT + 1
    assert await Snapshots(scene.kube).find(SLOT, first) is not None


async def test_a_snapshot_kept_again_is_the_newest_and_keeps_its_mark() -> None:
    scene = Scene(canary(), deployment("web:1"))
    first = await scene.initialised()
    ticks = iter(range(3_000_000_000, 3_000_000_100))
    snapshots = Snapshots(scene.kube, lambda: float(next(ticks)))
    await snapshots.mark_promoted(SLOT, first)
    kept = await snapshots.read(SLOT, first)
    state = await scene.store.read(SLOT)
    assert state.canary is not None
    before = _only(scene)
    await snapshots.keep(SLOT, first, kept, state.canary.owner)
    unchanged = _only(scene)
    more = {**kept.target, "spec": {**map_at(kept.target, "spec"), "replicas": 5}}
    await snapshots.keep(SLOT, first, type(kept)(more, {}), state.canary.owner)

    assert text_at(unchanged, "metadata", "uid") == text_at(before, "metadata", "uid")
    assert (int_at(unchanged, "revision") or 0) > (int_at(before, "revision") or 0)
    assert int_at(await _target(snapshots, first), "spec", "replicas") == 5
    assert await snapshots.last_promoted(SLOT) == first


def _only(scene: Scene) -> KubeObject:
    (found,) = scene.kube.of_kind("ControllerRevision")
    assert texts_at(found, "metadata", "labels")["serinus.dev/canary"] == "web"
    return found


async def _target(snapshots: Snapshots, revision: str) -> KubeObject:
    return (await snapshots.read(SLOT, revision)).target


async def test_nobody_promoted_is_none() -> None:
    scene = Scene(canary(), deployment())
    await scene.prepare()
    assert await Snapshots(scene.kube).last_promoted(SLOT) is None


async def test_a_release_costs_few_requests() -> None:
    scene = Scene(canary(), deployment("web:1"))
    await scene.initialised()
    scene.kube.put(edited("web:2"))
    scene.kube.requests.clear()
    await scene.prepare(2)
    assert sum(scene.kube.counts.values()) <= 10
