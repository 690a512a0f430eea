"""What a step asks of an observation."""

import pytest

from tests.builders import a_gate, a_hook, a_plan
from workflows.decide import promote_position
from workflows.model.course import Course
from workflows.model.hook import HookType
from workflows.model.identity import Fence, Slot
from workflows.model.observation import ObserveRequest
from workflows.model.plan import Ask, Observe, Plan, Routes
from workflows.model.requests import SlotWrite
from workflows.observing import observe_request


def asked(plan: Plan, position: int) -> ObserveRequest:
    fence = Fence(run_id="r", generation=1, sequence=1)
    write = SlotWrite(slot=Slot(name="shop"), fence=fence, revision=plan.revision)
    step = plan.steps[position]
    assert isinstance(step, Ask | Observe)
    return observe_request(write, plan, Course(position=position), step, "Progressing")


def with_hooks(plan: Plan) -> Plan:
    hooks = {
        "hooks": (a_hook("each-tick"),),
        "rollback_hooks": (a_hook("stop", HookType.ROLLBACK),),
    }
    return plan.model_copy(update={"analysis": plan.analysis.model_copy(update=hooks)})


def test_a_rollback_hook_is_asked_while_a_gate_waits() -> None:
    plan = with_hooks(a_plan(10, before_start=(a_gate(HookType.CONFIRM_ROLLOUT),)))
    analysis = asked(plan, 0).analysis
    assert [hook.name for hook in analysis.rollback_hooks] == ["stop"]
    assert analysis.hooks == ()


def test_after_the_promotion_nothing_is_judged() -> None:
    back = Observe(
        name="return-5",
        summary="5 % stay",
        routes=Routes(primary=95, canary=5),
        analysed=False,
        guarded=False,
    )
    plan = with_hooks(a_plan(10))
    end = promote_position(plan)
    assert end is not None
    steps = (*plan.steps[: end + 1], back, *plan.steps[end + 1 :])
    analysis = asked(plan.model_copy(update={"steps": steps}), end + 1).analysis
    assert (analysis.hooks, analysis.rollback_hooks) == ((), ())


@pytest.mark.parametrize("hooked", [True, False])
def test_a_gate_without_hooks_judges_only_after_an_interval(hooked: bool) -> None:
    gate = a_gate(HookType.CONFIRM_PROMOTION, watch=True)
    hooks = (a_hook("ok", HookType.CONFIRM_PROMOTION),) if hooked else ()
    plan = a_plan(10, before_promotion=(gate.model_copy(update={"hooks": hooks}),))
    assert asked(plan, 2).at_once is hooked
