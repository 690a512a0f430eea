"""The runs whose histories are kept: one for each way a rollout can go."""

from collections.abc import Awaitable, Callable

from temporalio.client import WorkflowFailureError

from tests.builders import a_gate, a_hook, a_plan
from tests.workflow.conftest import Stage, Theatre
from tests.workflow.fake_platform import FakePlatform, failed
from workflows.model.decisions import Decision, Order, SkipUndo, Submit
from workflows.model.hook import HookType
from workflows.model.plan import PlanKind, Routes, Supersede, UndoHook
from workflows.model.requests import TargetLook

GATE = a_gate(HookType.CONFIRM_PROMOTION, watch=True, routes=Routes(primary=50, canary=50))
UNDO = UndoHook(name="cache", after="start", url="http://127.0.0.1:9/")


async def promoted(theatre: Theatre) -> Stage:
    stage = await theatre.begin(a_plan(10, 50))
    await stage.handle.result()
    return stage


async def taken_back(theatre: Theatre) -> Stage:
    platform = FakePlatform(a_plan(10, 50, undo=(UNDO,), post_hooks=(a_hook("tell"),)))
    platform.verdicts["weight-50"] = failed
    stage = await theatre.begin(platform.plan, platform)
    await stage.handle.result()
    return stage


async def approved(theatre: Theatre) -> Stage:
    stage = await theatre.begin(a_plan(50, before_promotion=(GATE,)))
    await stage.at(GATE.name)
    await stage.handle.execute_update("approve", Decision(by="ana", step=GATE.name))
    await stage.handle.result()
    return stage


async def paused_resumed_promoted_by_hand(theatre: Theatre) -> Stage:
    platform = FakePlatform(a_plan(10, 50), block={"weight-10"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-10")
    await stage.handle.execute_update("pause", Order(by="ana"))
    platform.block.clear()
    await stage.at("hold-before-weight-50")
    platform.block.add("weight-50")
    await stage.handle.execute_update("resume", Order(by="ana"))
    await stage.at("weight-50")
    await stage.handle.execute_update("promote", Order(by="ana"))
    await stage.handle.result()
    return stage


async def aborted_during_promotion(theatre: Theatre) -> Stage:
    platform = FakePlatform(a_plan(10), block={"promote"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("promote")
    await stage.handle.execute_update("abort", Order(by="ana", reason="p99"))
    await stage.handle.result()
    return stage


async def cancelled(theatre: Theatre) -> Stage:
    platform = FakePlatform(a_plan(10), block={"weight-10"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-10")
    await stage.handle.cancel()
    try:
        await stage.handle.result()
    except WorkflowFailureError:
        return stage
    raise AssertionError("a cancelled rollout ends as cancelled")


async def undo_skipped(theatre: Theatre) -> Stage:
    platform = FakePlatform(a_plan(10, undo=(UNDO,)), undo_failures={"cache"})
    platform.verdicts["weight-10"] = failed
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("undo cache")
    await stage.handle.execute_update("skip", SkipUndo(undo="cache", by="ana"))
    await stage.handle.result()
    return stage


async def superseded(theatre: Theatre) -> Stage:
    platform = FakePlatform(a_plan(10, 50, supersede=Supersede.RESTART), block={"weight-10"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-10")
    platform.target = TargetLook(revision="v3", promoted_revision="v1")
    platform.block = {"stop"}
    sent = stage.handle.execute_update("submit", Submit(by="flux"))
    await sent
    platform.plan = a_plan(10, revision="v3")
    platform.block.clear()
    await stage.handle.result()
    return stage


async def initialised(theatre: Theatre) -> Stage:
    stage = await theatre.begin(a_plan(kind=PlanKind.INITIALISE))
    await stage.handle.result()
    return stage


async def reverted(theatre: Theatre) -> Stage:
    stage = await theatre.begin(a_plan(kind=PlanKind.REVERT))
    await stage.handle.result()
    return stage


SCENARIOS: dict[str, Callable[[Theatre], Awaitable[Stage]]] = {
    scenario.__name__: scenario
    for scenario in (
        promoted,
        taken_back,
        approved,
        paused_resumed_promoted_by_hand,
        aborted_during_promotion,
        cancelled,
        undo_skipped,
        superseded,
        initialised,
        reverted,
    )
}
