"""Who opens a gate, when, on what conditions, and what becomes of one that nobody opens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from tests.builders import a_gate, a_hook, a_plan
from tests.conftest import temporal_server
from tests.workflow.conftest import Stage, Theatre
from tests.workflow.fake_platform import SEAL_KEY, FakePlatform, passed
from workflows.approvals.sealing import seal, spoken
from workflows.errors import Reason
from workflows.model.approval import Circle, GateRule, OnExpiry, Via
from workflows.model.course import Course, Timeline
from workflows.model.decisions import Decision, Order, Submit
from workflows.model.hook import HookType
from workflows.model.input import Carried, RolloutResult
from workflows.model.observation import Ending, Observation, ObserveRequest
from workflows.model.plan import Ask, Plan, Routes
from workflows.model.requests import Outcome, TargetLook
from workflows.model.status import RolloutStatus, Verb
from workflows.rollout import Rollout

CONFIRM = HookType.CONFIRM_PROMOTION
TWO = GateRule(who=Circle(people=("ana", "ben", "cleo")), quorum=2, not_author=True)
HOUR = 3600.0
SOON = 0.3
"""Seconds. A gate watches, and while an activity runs the server skips no time."""


def gate(rule: GateRule, kind: HookType = CONFIRM, weight: int = 50) -> Ask:
    routes = Routes(primary=100 - weight, canary=weight)
    return a_gate(kind, watch=True, routes=routes).model_copy(update={"rule": rule})


def plan(rule: GateRule, *weights: int) -> Plan:
    return a_plan(*(weights or (50,)), before_promotion=(gate(rule),))


async def waiting(theatre: Theatre, rule: GateRule, by: str = "") -> Stage:
    stage = await theatre.begin(plan(rule), by=by)
    await stage.at(CONFIRM)
    return stage


async def tell(stage: Stage, verb: str, said: Decision | Order | Submit) -> RolloutStatus:
    status: RolloutStatus = await stage.handle.execute_update(verb, said, result_type=RolloutStatus)
    return status


async def accepted(stage: Stage) -> int:
    """How many updates stand in the history."""
    kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    return sum([event.event_type == kind async for event in stage.handle.fetch_history_events()])


async def refused(stage: Stage, verb: str, said: Decision | Order) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await tell(stage, verb, said)
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause


def newest(stage: Stage) -> Stage:
    """The run that goes on, where the one that was started has ended."""
    handle: WorkflowHandle[Rollout, RolloutResult] = stage.client.get_workflow_handle(
        stage.handle.id, result_type=RolloutResult
    )
    return Stage(stage.client, stage.platform, handle)


async def sealed(stage: Stage, verb: Verb, said: Decision, key: bytes = SEAL_KEY) -> Decision:
    run_id = (await stage.status()).run_id
    words = spoken(stage.handle.id, run_id, verb, said)
    return said.model_copy(update={"seal": seal(key, words, Via.PAGE, 1.0)})


async def test_of_two_approvals_the_first_is_counted_and_the_second_opens(
    theatre: Theatre,
) -> None:
    stage = await waiting(theatre, TWO, by="ben")
    status = await tell(stage, "approve", Decision(by="ana", comment="fine"))
    assert status.waiting is not None
    assert (len(status.waiting.given), status.waiting.needed) == (1, 1)
    assert status.waiting.authors == ("ben",)
    assert "promote v2" not in stage.platform.log
    await tell(stage, "approve", Decision(by="cleo"))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED
    said = [(e.actor, e.action, e.proven, e.via) for e in (await stage.status()).entries]
    assert ("ana", "approve", False, Via.TEMPORAL) in said


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        ("ana", Reason.ALREADY_APPROVED),
        (" ANA", Reason.ALREADY_APPROVED),
        ("Ben", Reason.AUTHOR_MAY_NOT_APPROVE),
        ("dan", Reason.NOT_ALLOWED_TO_APPROVE),
        ("", Reason.NOT_ALLOWED_TO_APPROVE),
    ],
)
async def test_an_approval_that_does_not_count_changes_nothing_and_leaves_no_history(
    theatre: Theatre, by: str, reason: Reason
) -> None:
    stage = await waiting(theatre, TWO, by="ben")
    before = await tell(stage, "approve", Decision(by="ana"))
    length = await accepted(stage)
    assert (await refused(stage, "approve", Decision(by=by))).type == reason
    assert await accepted(stage) == length
    after = await stage.status()
    assert (after.waiting, after.entries) == (before.waiting, before.entries)
    await stage.handle.cancel()


async def test_who_triggers_the_same_revision_again_is_an_author_too(theatre: Theatre) -> None:
    stage = await waiting(theatre, TWO)
    await tell(stage, "submit", Submit(by="ana"))
    assert (await refused(stage, "approve", Decision(by="ana"))).type == (
        Reason.AUTHOR_MAY_NOT_APPROVE
    )
    await stage.handle.cancel()


async def test_who_superseded_a_revision_is_the_author_of_the_newer_one(theatre: Theatre) -> None:
    stage = await waiting(theatre, TWO, by="ben")
    stage.platform.target = TargetLook(revision="v3", promoted_revision="v1")
    stage.platform.plan = plan(TWO).model_copy(update={"revision": "v3"})
    stage.platform.reached.clear()
    await tell(stage, "submit", Submit(by="ana"))
    await stage.at(CONFIRM)
    stage = newest(stage)
    assert (await refused(stage, "approve", Decision(by="ana"))).type == (
        Reason.AUTHOR_MAY_NOT_APPROVE
    )
    await tell(stage, "approve", Decision(by="ben"))
    await tell(stage, "approve", Decision(by="cleo"))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED


async def test_a_group_counts_only_under_a_seal(theatre: Theatre) -> None:
    rule = GateRule(who=Circle(groups=("release",)))
    stage = await waiting(theatre, rule)
    said = Decision(by="ana", groups=("release",))
    assert (await refused(stage, "approve", said)).type == Reason.NOT_ALLOWED_TO_APPROVE
    bad = await sealed(stage, Verb.APPROVE, said, key=b"x" * 32)
    assert (await refused(stage, "approve", bad)).type == Reason.SEAL_INVALID
    good = await sealed(stage, Verb.APPROVE, said)
    status = await tell(stage, "approve", good)
    assert status.entries[-1].proven or status.entries[-2].proven
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED


async def test_a_seal_counts_once(theatre: Theatre) -> None:
    stage = await waiting(theatre, GateRule())
    order = Order(by="ana")
    run_id = (await stage.status()).run_id
    words = spoken(stage.handle.id, run_id, Verb.PAUSE, order)
    order = order.model_copy(update={"seal": seal(SEAL_KEY, words, Via.API, 1.0)})
    await tell(stage, "pause", order)
    await tell(stage, "resume", Order(by="ana"))
    assert (await refused(stage, "pause", order)).type == Reason.SEAL_INVALID
    await stage.handle.cancel()


async def test_a_gate_that_asks_for_proof_refuses_claims(theatre: Theatre) -> None:
    rule = GateRule(proven=True)
    stage = await waiting(theatre, rule)
    for verb in ("approve", "reject"):
        error = await refused(stage, verb, Decision(by="ana"))
        assert error.type == Reason.IDENTITY_NOT_PROVEN
    await tell(stage, "reject", await sealed(stage, Verb.REJECT, Decision(by="ana")))
    assert (await stage.handle.result()).reason == Reason.REJECTED


async def test_a_stranger_cannot_reject_but_an_author_can(theatre: Theatre) -> None:
    stage = await waiting(theatre, TWO, by="ben")
    error = await refused(stage, "reject", Decision(by="dan"))
    assert error.type == Reason.NOT_ALLOWED_TO_APPROVE
    await tell(stage, "reject", Decision(by="ben", comment="my mistake"))
    assert (await stage.handle.result()).message == "rejected by ben: my mistake"


async def test_hooks_alone_do_not_open_a_gate_with_a_rule(theatre: Theatre) -> None:
    hooked = gate(TWO).model_copy(update={"hooks": (a_hook("ok", CONFIRM),)})
    platform = FakePlatform(a_plan(50, before_promotion=(hooked,)))
    asked: list[int] = []
    platform.verdicts[CONFIRM] = lambda request: _open_once(platform, asked, request)
    stage = await theatre.begin(platform.plan, platform, by="ben")
    await tell_when_waiting(stage, Decision(by="ana"))
    assert "promote v2" not in platform.log
    await tell(stage, "approve", Decision(by="cleo"))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED
    assert asked == [1]


def _open_once(platform: FakePlatform, asked: list[int], request: ObserveRequest) -> Observation:
    """The hooks open at once; the watch that follows has no hooks and goes on."""
    asked.append(len(request.gate_hooks))
    del platform.verdicts[CONFIRM]
    return passed(request).model_copy(update={"ending": Ending.GATE_OPEN})


async def tell_when_waiting(stage: Stage, said: Decision) -> RolloutStatus:
    await stage.at(CONFIRM)
    return await tell(stage, "approve", said)


async def test_a_gate_that_expires_takes_the_release_back(theatre: Theatre) -> None:
    stage = await waiting(theatre, GateRule(quorum=2, expires_after=SOON))
    result = await stage.handle.result()
    assert result.reason == Reason.GATE_EXPIRED
    assert result.message == "confirm-promotion expired after 300ms with 0 of 2 approvals"


async def test_a_gate_that_is_held_opens_only_for_those_above(theatre: Theatre) -> None:
    rule = GateRule(
        who=Circle(people=("ana",)),
        expires_after=SOON,
        on_expiry=OnExpiry.HOLD,
        escalate_to=Circle(people=("cleo",)),
    )
    stage = await waiting(theatre, rule)
    held = await until_waiting(stage, expired=True)
    assert held.waiting is not None
    assert (held.waiting.expires_at, held.waiting.escalated) == (None, True)
    error = await refused(stage, "approve", Decision(by="ana"))
    assert error.message == "ana is not asked here; asked: cleo"
    await tell(stage, "approve", Decision(by="cleo"))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED


@pytest.mark.parametrize("how", [
    {"expires_after": SOON, "on_expiry": OnExpiry.ESCALATE}, {"escalate_after": SOON},
])  # fmt: skip
async def test_an_escalated_gate_asks_both(theatre: Theatre, how: dict[str, object]) -> None:
    people = {"who": Circle(people=("ana",)), "escalate_to": Circle(people=("cleo",))}
    stage = await waiting(theatre, GateRule.model_validate({**people, **how, "quorum": 2}))
    await until_waiting(stage, escalated=True)
    await tell(stage, "approve", Decision(by="cleo"))
    await tell(stage, "approve", Decision(by="ana"))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED


async def until_waiting(stage: Stage, **state: bool) -> RolloutStatus:
    async with asyncio.timeout(20):
        while True:
            status = await stage.status()
            seen = status.waiting
            if seen is not None and all(
                getattr(seen, key) == value for key, value in state.items()
            ):
                return status
            await asyncio.sleep(0.02)


async def test_an_approval_not_before_an_instant_opens_then(theatre: Theatre) -> None:
    stage = await waiting(theatre, GateRule(expires_after=HOUR))
    later = (await theatre.env.get_current_time(stage.handle)).timestamp() + 1
    status = await tell(stage, "approve", Decision(by="ana", not_before=later))
    assert status.waiting is not None
    assert (status.waiting.opens_at, status.waiting.expires_at) == (later, None)
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED
    assert ((await stage.status()).ended_at or 0) >= later


async def test_up_to_a_weight_means_that_people_are_asked_again(theatre: Theatre) -> None:
    first = gate(TWO, HookType.CONFIRM_ROLLOUT, 0)
    stage = await theatre.begin(a_plan(10, 30, 60, before_start=(first,)))
    await stage.at(HookType.CONFIRM_ROLLOUT)
    for name in ("ana", "ben"):
        await tell(stage, "approve", Decision(by=name, max_weight=30))
    await stage.at("again-before-weight-60")
    status = await until_waiting(stage, escalated=False)
    assert stage.platform.routes.canary == 30
    assert status.waiting is not None
    assert (status.waiting.rule, status.waiting.given) == (TWO, ())
    error = await refused(stage, "approve", Decision(by="ana", max_weight=50))
    assert error.type == Reason.INVALID_REQUEST
    await tell(stage, "approve", Decision(by="ana", max_weight=60))
    await tell(stage, "approve", Decision(by="cleo"))
    await stage.at("again-before-promote")
    for name in ("ana", "ben"):
        await tell(stage, "approve", Decision(by=name))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED


async def test_promote_is_no_way_around_a_rule(theatre: Theatre) -> None:
    platform = FakePlatform(plan(GateRule(who=Circle(people=("ana",)))), block={"weight-50"})
    stage = await theatre.begin(platform.plan, platform)
    await stage.at("weight-50")
    error = await refused(stage, "promote", Order(by="ben"))
    assert error.type == Reason.NOT_ALLOWED_TO_APPROVE
    assert error.message.startswith("promote would pass over the gate confirm-promotion: ben is")
    await tell(stage, "promote", Order(by="ana"))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED


async def test_nobody_promotes_alone_where_two_are_asked(theatre: Theatre) -> None:
    stage = await waiting(theatre, TWO, by="ben")
    assert (await refused(stage, "promote", Order(by="ana"))).type == (
        Reason.NOT_ALLOWED_TO_APPROVE
    )
    await tell(stage, "approve", Decision(by="ana"))
    await tell(stage, "promote", Order(by="cleo"))
    assert (await stage.handle.result()).outcome is Outcome.PROMOTED


async def test_an_answer_to_a_gate_that_another_answer_opened_is_stale(theatre: Theatre) -> None:
    second = gate(GateRule(who=Circle(people=("ana",))), HookType.CONFIRM_TRAFFIC_INCREASE)
    platform = FakePlatform(a_plan(50, before_promotion=(gate(GateRule()), second)))
    stage = await theatre.begin(platform.plan, platform)
    await stage.at(CONFIRM)
    both = [tell(stage, "approve", Decision(by=name, step=CONFIRM)) for name in ("ana", "ben")]
    answers = await asyncio.gather(*both, return_exceptions=True)
    assert sum(isinstance(answer, WorkflowUpdateFailedError) for answer in answers) == 1
    await stage.at(second.name)
    await tell(stage, "approve", Decision(by="ana"))
    await stage.handle.result()


@pytest.fixture
async def forgetful() -> AsyncIterator[WorkflowEnvironment]:
    async with temporal_server("limit.historyCount.suggestContinueAsNew=12") as env:
        yield env


async def test_what_was_given_goes_on_in_the_next_run(forgetful: WorkflowEnvironment) -> None:
    hooked = gate(TWO).model_copy(update={"hooks": (a_hook("ok", CONFIRM),)})
    platform = FakePlatform(a_plan(50, before_promotion=(hooked,)), block={CONFIRM})
    platform.verdicts[CONFIRM] = lambda request: _open_once(platform, [], request)
    async with AsyncExitStack() as stack:
        stage = await Theatre(forgetful, stack).begin(platform.plan, platform, by="ben")
        await stage.at(CONFIRM)
        first_run = (await stage.status()).run_id
        await tell(stage, "approve", Decision(by="ana"))
        platform.block.clear()
        stage = newest(stage)
        async with asyncio.timeout(20):
            while (await stage.status()).run_id == first_run:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        error = await refused(stage, "approve", Decision(by="ben"))
        assert error.type == Reason.AUTHOR_MAY_NOT_APPROVE
        await tell(stage, "approve", Decision(by="cleo"))
        assert (await stage.handle.result()).outcome is Outcome.PROMOTED


async def test_nobody_starts_in_the_middle_of_a_plan_they_wrote(theatre: Theatre) -> None:
    ungated = a_plan(50)
    carried = Carried(plan=ungated, course=Course(), timeline=Timeline(), started_at=0)
    stage = await theatre.begin(plan(TWO), carried=carried)
    with pytest.raises(WorkflowFailureError) as caught:
        await stage.handle.result()
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == Reason.INVALID_REQUEST
    assert stage.platform.log == []
