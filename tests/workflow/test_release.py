"""A release on its way: to its end, or back."""

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError

from tests.builders import a_hook, a_plan
from tests.workflow.conftest import Theatre
from tests.workflow.fake_platform import FakePlatform, failed, passed
from workflows.errors import Reason, failure
from workflows.model.observation import Observation, ObserveRequest
from workflows.model.plan import ALL_PRIMARY, PlanKind
from workflows.model.requests import Outcome
from workflows.model.status import Phase, StepState


async def test_a_good_release_moves_step_by_step_and_is_promoted(theatre: Theatre) -> None:
    stage = await theatre.begin(a_plan(10, 50))
    result = await stage.handle.result()
    assert result.outcome is Outcome.PROMOTED
    assert stage.platform.log == [
        "start v2",
        "routes 90/10",
        "routes 50/50",
        "promote v2",
        "routes 100/0",
        "stop",
        "close promoted",
    ]


async def test_a_failed_observation_gives_traffic_back_before_the_canary_stops(
    theatre: Theatre,
) -> None:
    platform = FakePlatform(a_plan(10, 50, post_hooks=(a_hook("tell"),)))
    platform.verdicts["weight-50"] = failed
    stage = await theatre.begin(platform.plan, platform)
    result = await stage.handle.result()
    assert (result.outcome, result.reason) == (Outcome.ROLLED_BACK, Reason.FAILED_CHECKS)
    assert platform.log[-5:] == [
        "routes 50/50",
        "routes 100/0",
        "stop",
        "call tell Failed",
        "close rolled-back",
    ]


async def test_a_canary_that_never_becomes_ready_is_taken_back(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(10))
    late = failure(Reason.PROGRESS_DEADLINE, "0 of 2 ready after 60 s", retryable=False)
    platform.failures["start"] = late
    stage = await theatre.begin(platform.plan, platform)
    result = await stage.handle.result()
    assert result.reason == Reason.PROGRESS_DEADLINE
    assert result.message == "0 of 2 ready after 60 s"
    assert (platform.routes, platform.canary_runs) == (ALL_PRIMARY, False)


async def test_a_primary_that_does_not_come_up_at_promotion_is_a_rollback(
    theatre: Theatre,
) -> None:
    platform = FakePlatform(a_plan(10))
    late = failure(Reason.PROGRESS_DEADLINE, "the new primary is not ready", retryable=False)
    platform.failures["promote"] = late
    stage = await theatre.begin(platform.plan, platform)
    assert (await stage.handle.result()).outcome is Outcome.ROLLED_BACK
    assert platform.log[-3:] == ["routes 100/0", "stop", "close rolled-back"]


async def test_failed_checks_are_counted_for_the_run_not_for_the_step(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(10, 20))
    counted: list[int] = []

    def one_more(request: ObserveRequest) -> Observation:
        counted.append(request.failed_checks)
        return passed(request).model_copy(update={"failed_checks": request.failed_checks + 1})

    platform.verdicts = {"weight-10": one_more, "weight-20": one_more}
    stage = await theatre.begin(platform.plan, platform)
    await stage.handle.result()
    assert counted == [0, 1]


@pytest.mark.parametrize(
    ("kind", "outcome", "log"),
    [
        (PlanKind.INITIALISE, Outcome.INITIALISED, ["adopt v2", "close initialised"]),
        (
            PlanKind.REVERT,
            Outcome.REVERTED,
            ["routes 100/0", "stop", "release", "close reverted"],
        ),
        (PlanKind.UNCHANGED, Outcome.UNCHANGED, ["close unchanged"]),
        (PlanKind.SUSPENDED, Outcome.SUSPENDED, ["close suspended"]),
    ],
)
async def test_every_kind_of_plan_has_its_own_end(
    theatre: Theatre, kind: PlanKind, outcome: Outcome, log: list[str]
) -> None:
    stage = await theatre.begin(a_plan(kind=kind))
    assert (await stage.handle.result()).outcome is outcome
    assert stage.platform.log == log


async def test_a_manifest_that_is_refused_fails_the_start_with_its_words(
    theatre: Theatre,
) -> None:
    platform = FakePlatform(a_plan(10))
    platform.failures["prepare"] = failure(
        Reason.INVALID_MANIFEST, "spec.analysis.maxWeight: 120 is above 100", retryable=False
    )
    stage = await theatre.begin(platform.plan, platform)
    with pytest.raises(WorkflowFailureError) as caught:
        await stage.handle.result()
    assert isinstance(caught.value.cause, ActivityError)
    assert isinstance(caught.value.cause.cause, ApplicationError)
    assert caught.value.cause.cause.message == "spec.analysis.maxWeight: 120 is above 100"


async def test_status_tells_where_the_run_is_and_where_it_was(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(10, 50), block={"weight-50"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-50")
    now = await stage.status()
    assert (now.phase, now.routes.canary) == (Phase.PROGRESSING, 50)
    states = {step.name: step.state for step in now.steps}
    assert states["weight-10"] is StepState.DONE
    assert states["weight-50"] is StepState.NOW
    assert states["promote"] is StepState.NEXT
    platform.block.clear()
    await stage.handle.result()
    ended = await stage.status()
    assert (ended.phase, ended.outcome) == (Phase.SUCCEEDED, Outcome.PROMOTED)
    assert {step.state for step in ended.steps} == {StepState.DONE}


async def test_a_run_that_was_overtaken_ends_and_leaves_all_to_who_came_first(
    theatre: Theatre,
) -> None:
    late = failure(Reason.FENCED, "a newer write to default/shop came first", retryable=False)
    platform = FakePlatform(a_plan(10))
    platform.failures.update(dict.fromkeys(("observe", "restore", "stop", "close"), late))
    stage = await theatre.begin(platform.plan, platform)
    result = await stage.handle.result()
    assert (result.outcome, result.reason) == (Outcome.ROLLED_BACK, Reason.FENCED)
    assert (await stage.status()).phase is Phase.FAILED
    assert platform.log == ["start v2"]


async def test_ten_steps_cost_at_most_140_events(theatre: Theatre) -> None:
    stage = await theatre.begin(a_plan(*range(10, 101, 10)))
    await stage.handle.result()
    described = await stage.handle.describe()
    assert described.history_length <= 140


async def test_a_step_that_was_cut_short_is_told_from_those_never_begun(theatre: Theatre) -> None:
    platform = FakePlatform(a_plan(10, 50, 90))
    platform.verdicts["weight-50"] = failed
    stage = await theatre.begin(platform.plan, platform)
    await stage.handle.result()
    steps = {step.name: step for step in (await stage.status()).steps}
    assert steps["weight-10"].state is StepState.DONE
    assert steps["weight-50"].state is StepState.STOPPED
    assert steps["weight-50"].ended_at is not None
    assert steps["weight-90"].state is StepState.SKIPPED
