"""What a step that watches asks of its observation. Pure; called by `workflows.perform`."""

from workflows.decide import analysing, promoted
from workflows.model.course import Course
from workflows.model.hook import HookType
from workflows.model.observation import ObserveRequest
from workflows.model.plan import Ask, Observe, Plan, Step
from workflows.model.requests import SlotWrite


def observe_request(
    write: SlotWrite, plan: Plan, course: Course, step: Ask | Observe, phase: str
) -> ObserveRequest:
    """What an observing step asks: a gate watches until it opens, an observation until it passes.

    Steps that do not analyse look at nothing of the canary, they only hold the routes; a rollback
    hook counts until the promotion, at a waiting gate too (in Flagger it does not: #1432).
    """
    analysis = plan.analysis
    if promoted(plan, course):
        analysis = analysis.model_copy(update={"rollback_hooks": ()})
    if not (step.watch if isinstance(step, Ask) else step.analysed):
        analysis = analysis.model_copy(update={"checks": (), "hooks": ()})
    if isinstance(step, Observe) and step.hooks:
        analysis = analysis.model_copy(update={"hooks": (*analysis.hooks, *step.hooks)})
    gate_hooks = step.hooks if isinstance(step, Ask) and not course.gate.answered else ()
    return ObserveRequest(
        slot=write.slot,
        fence=write.fence,
        step=step.name,
        number=course.position,
        revision=write.revision,
        phase=phase,
        checksum=plan.checksum,
        traffic=plan.traffic,
        routes=step.routes,
        analysis=analysis,
        passes=None if isinstance(step, Ask) else step.passes,
        at_once=bool(gate_hooks) if isinstance(step, Ask) else step.at_once,
        guarded=step.guarded,
        gate_hooks=gate_hooks,
        failed_checks=course.failed_checks,
    )


def hold_before(plan: Plan, course: Course, step: Step) -> Ask:
    """The gate at which a paused rollout waits; it opens when somebody resumes."""
    return Ask(
        name=f"hold-before-{step.name}",
        summary="paused: holds the routes until somebody resumes",
        gate=HookType.CONFIRM_TRAFFIC_INCREASE,
        watch=analysing(plan, course),
        routes=course.routes,
    )
