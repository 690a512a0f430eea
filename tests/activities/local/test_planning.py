"""From applied manifests to a plan, a claim and a history."""

import asyncio
from pathlib import Path

import httpx
import pytest
from temporalio.exceptions import ApplicationError

from activities.local.home import Home
from activities.local.planning import LocalPlanning
from activities.local.platform import LocalPlatform
from activities.local.proxy import ProxyPorts
from activities.local.retire import without_canary
from activities.local.state import Copies
from activities.manifests import load
from workflows.errors import Reason
from workflows.model.canary import Canary
from workflows.model.identity import Fence, Slot
from workflows.model.plan import PlanKind, Routes
from workflows.model.process import Process
from workflows.model.requests import (
    Action,
    CloseRun,
    LookRequest,
    Outcome,
    Prepared,
    PrepareRequest,
)

SHOP = Slot(name="shop")
PROCESS = """
apiVersion: serinus.dev/v1alpha1
kind: Process
metadata: {name: shop-processes}
spec: {replicas: 2, template: {command: [serve, "VERSION"]}}
"""
CANARY = """
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: shop}
spec:
  targetRef: {apiVersion: serinus.dev/v1alpha1, kind: Process, name: shop-processes}
  service: {name: shop, port: 80}
  analysis: {interval: 1s, threshold: 2, stepWeight: 50, maxWeight: 50}
"""
POLICY = """
apiVersion: serinus.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: careful}
spec:
  undo:
    - {name: first, after: start, url: "http://127.0.0.1:9/first"}
    - {name: second, after: weight-50, url: "http://127.0.0.1:9/second"}
    - {name: third, after: promote, url: "http://127.0.0.1:9/third"}
"""


class Runs:
    """Which runs are running."""

    def __init__(self, *running: str) -> None:
        self.running = set(running)

    async def is_running(self, workflow_id: str, run_id: str) -> bool:
        assert workflow_id == SHOP.workflow_id
        return run_id in self.running


def fence(run: str, generation: int, sequence: int = 0) -> Fence:
    return Fence(run_id=run, generation=generation, sequence=sequence)


@pytest.fixture
def here(tmp_path: Path, loopback: httpx.AsyncClient) -> LocalPlatform:
    """A home in which nothing runs."""
    home = Home(tmp_path)
    home.prepare()
    ports = ProxyPorts(web=1, api=2, metrics=3)
    return LocalPlatform(home, loopback, ports, Path("/nowhere"))


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def planning(here: LocalPlatform, runs: Runs) -> LocalPlanning:
    return here.planning(runs.is_running)


def apply(here: LocalPlatform, text: str, version: str = "v1") -> None:
    for manifest in load(text.replace("VERSION", version)):
        here.manifests.apply(manifest)


async def prepare(planning: LocalPlanning, generation: int = 1, **more: object) -> Prepared:
    request = PrepareRequest.model_validate(
        {
            "slot": SHOP,
            "fence": fence(f"run-{generation}", generation),
            "workflow_id": SHOP.workflow_id,
            **more,
        }
    )
    return await planning.prepare(request)


async def close(planning: LocalPlanning, generation: int, outcome: Outcome, revision: str) -> None:
    request = CloseRun(
        slot=SHOP, fence=fence(f"run-{generation}", generation, 9), revision=revision,
        outcome=outcome, started_at=1.0, ended_at=2.0,
    )  # fmt: skip
    await planning.close(request)


async def promoted(here: LocalPlatform, generation: int, current: str, before: str | None) -> None:
    async with here.store.write(SHOP, fence(f"run-{generation}", generation, 8)) as edit:
        state = edit.state
        await edit.save(state.but(promoted_revision=current, previous_revision=before))


async def test_the_first_run_initialises_and_claims_the_slot(
    here: LocalPlatform, planning: LocalPlanning
) -> None:
    apply(here, PROCESS + "---" + CANARY)
    plan = (await prepare(planning)).plan

    claim = (await here.store.read(SHOP)).claim
    assert plan.kind is PlanKind.INITIALISE
    assert claim is not None
    assert (claim.run_id, claim.plan, claim.plain) == ("run-1", plan, False)


async def test_a_snapshot_keeps_what_is_analysed(
    here: LocalPlatform, planning: LocalPlanning
) -> None:
    apply(here, PROCESS + "---" + CANARY)
    plan = (await prepare(planning)).plan
    apply(here, PROCESS, "v2")

    text = here.home.revision(SHOP, plan.revision).read_text()
    assert '"v1"' in text
    look = await planning.look(LookRequest(slot=SHOP))
    assert look.revision != plan.revision


async def test_a_process_alone_is_released_plainly(
    here: LocalPlatform, planning: LocalPlanning
) -> None:
    apply(here, PROCESS.replace("shop-processes", "shop"))
    await promoted(here, 0, "old", None)
    plan = (await prepare(planning)).plan

    claim = (await here.store.read(SHOP)).claim
    assert [step.kind for step in plan.steps] == ["promote", "shift"]
    assert claim is not None
    assert claim.plain


async def test_undo_releases_the_revision_before(
    here: LocalPlatform, planning: LocalPlanning
) -> None:
    apply(here, PROCESS + "---" + CANARY)
    first = (await prepare(planning, 1)).plan.revision
    apply(here, PROCESS, "v2")
    second = (await prepare(planning, 2)).plan.revision
    await promoted(here, 2, second, first)
    plan = (await prepare(planning, 3, previous=True)).plan

    assert (plan.kind, plan.revision, plan.promoted_revision) == (
        PlanKind.RELEASE, first, second,
    )  # fmt: skip
    assert '"v1"' in here.home.revision(SHOP, first).read_text()


async def test_there_may_be_nothing_to_undo(here: LocalPlatform, planning: LocalPlanning) -> None:
    apply(here, PROCESS + "---" + CANARY)
    with pytest.raises(ApplicationError, match="no revision before") as refused:
        await prepare(planning, previous=True)
    assert refused.value.non_retryable


@pytest.mark.parametrize("text", ["", CANARY])
async def test_a_target_that_is_not_there_ends_the_run(
    here: LocalPlatform, planning: LocalPlanning, text: str
) -> None:
    apply(here, text)
    with pytest.raises(ApplicationError) as refused:
        await prepare(planning)

    assert refused.value.type == Reason.INVALID_MANIFEST
    assert refused.value.non_retryable
    assert (await here.store.read(SHOP)).claim is None


async def test_a_deleted_canary_is_reverted(here: LocalPlatform, planning: LocalPlanning) -> None:
    apply(here, PROCESS + "---" + CANARY)
    assert (await prepare(planning, action=Action.REVERT)).plan.kind is PlanKind.REVERT


async def test_closing_keeps_the_outcome_and_frees_the_slot(
    here: LocalPlatform, planning: LocalPlanning
) -> None:
    apply(here, PROCESS + "---" + CANARY)
    plan = (await prepare(planning)).plan
    await close(planning, 1, Outcome.ROLLED_BACK, plan.revision)

    state = await here.store.read(SHOP)
    assert state.claim is None
    assert state.failed_revision == plan.revision
    assert [past.outcome for past in state.history] == [Outcome.ROLLED_BACK]


async def test_an_overtaken_run_does_not_free_the_slot_of_the_next(
    here: LocalPlatform, planning: LocalPlanning
) -> None:
    apply(here, PROCESS + "---" + CANARY)
    await prepare(planning, 1)
    await prepare(planning, 2)
    with pytest.raises(ApplicationError) as refused:
        await close(planning, 1, Outcome.PROMOTED, "any")

    claim = (await here.store.read(SHOP)).claim
    assert refused.value.type == Reason.FENCED
    assert claim is not None
    assert claim.run_id == "run-2"


async def test_a_claim_without_a_run_is_an_orphan(
    here: LocalPlatform, planning: LocalPlanning, runs: Runs
) -> None:
    apply(here, PROCESS + "---" + CANARY + "---" + POLICY)
    await promoted(here, 0, "old", None)
    plan = (await prepare(planning)).plan
    runs.running = {"run-1"}
    assert (await planning.find_orphans()).orphans == ()
    runs.running = set()
    (orphan,) = (await planning.find_orphans()).orphans

    assert (orphan.slot, orphan.run_id, orphan.plan, orphan.owed) == (SHOP, "run-1", plan, ())


async def test_an_orphan_owes_the_undo_hooks_of_the_steps_that_began(
    here: LocalPlatform, planning: LocalPlanning
) -> None:
    apply(here, PROCESS + "---" + CANARY + "---" + POLICY)
    await promoted(here, 0, "old", None)
    await prepare(planning)
    async with here.store.write(SHOP, fence("run-1", 1, 5)) as edit:
        await edit.save(edit.state.but(step="weight-50"))

    (orphan,) = (await planning.find_orphans()).orphans
    assert [hook.name for hook in orphan.owed] == ["second", "first"]


async def test_old_snapshots_are_forgotten_but_not_those_in_use(
    here: LocalPlatform, planning: LocalPlanning
) -> None:
    apply(here, PROCESS + "---" + CANARY)
    first = (await prepare(planning, 1)).plan.revision
    await promoted(here, 1, first, None)
    for number in range(2, 16):
        apply(here, PROCESS, f"v{number}")
        revision = (await prepare(planning, number)).plan.revision
        await close(planning, number, Outcome.ROLLED_BACK, revision)
        await asyncio.sleep(0.01)  # so that the files have different times

    kept = {path.stem for path in here.home.revision(SHOP, first).parent.glob("*.json")}
    assert first in kept
    assert len(kept) == 11


def test_manifests_are_kept_in_files_that_people_can_read(here: LocalPlatform) -> None:
    apply(here, PROCESS + "---" + CANARY)
    path = here.home.manifests / "default" / "Canary" / "shop.yaml"

    assert "kind: Canary" in path.read_text()
    assert here.manifests.get(Canary, "default", "shop") == load(CANARY)[0]
    assert [each.key for each in here.manifests.list(Process)] == ["default/shop-processes"]
    assert here.manifests.delete(Canary, "default", "shop")
    assert not here.manifests.delete(Canary, "default", "shop")
    assert here.manifests.get(Canary, "default", "shop") is None


def test_applying_the_same_again_changes_nothing(here: LocalPlatform) -> None:
    (manifest,) = load(CANARY)

    assert here.manifests.apply(manifest)
    assert not here.manifests.apply(manifest)


async def test_nothing_changes_where_there_is_no_canary(here: LocalPlatform) -> None:
    primary = Copies(role="primary", revision="v1", ports=(20_000,), generation=1, started_at=0)
    state = (await here.store.read(SHOP)).but(primary=primary, routes=Routes(primary=100, canary=0))

    assert without_canary(state) == state
