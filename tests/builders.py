"""Small plans for tests, in the words of the domain."""

from workflows.model.hook import Hook, HookType
from workflows.model.live import GuardRule
from workflows.model.plan import (
    ALL_PRIMARY,
    Adopt,
    Analysis,
    Ask,
    Expectation,
    Finish,
    Observe,
    Plan,
    PlanKind,
    Promote,
    Release,
    Routes,
    Shift,
    Start,
    Step,
    Supersede,
    Traffic,
    UndoHook,
)


def a_hook(name: str, kind: HookType = HookType.ROLLOUT, url: str = "http://127.0.0.1:9/") -> Hook:
    return Hook(name=name, type=kind, url=url)


def a_gate(kind: HookType, *, watch: bool = False, routes: Routes = ALL_PRIMARY) -> Ask:
    return Ask(name=str(kind), summary=f"ask {kind}", gate=kind, watch=watch, routes=routes)


def at_weight(weight: int) -> Observe:
    return Observe(
        name=f"weight-{weight}",
        summary=f"{weight} % to the canary",
        routes=Routes(primary=100 - weight, canary=weight),
    )


def a_plan(
    *weights: int,
    kind: PlanKind = PlanKind.RELEASE,
    revision: str = "v2",
    supersede: Supersede = Supersede.RESTART,
    undo: tuple[UndoHook, ...] = (),
    before_start: tuple[Step, ...] = (),
    before_promotion: tuple[Step, ...] = (),
    post_hooks: tuple[Hook, ...] = (),
    threshold: int = 2,
) -> Plan:
    steps: tuple[Step, ...]
    match kind:
        case PlanKind.RELEASE:
            steps = (
                *before_start,
                Start(name="start", summary="start the canary", deadline=60),
                *(at_weight(weight) for weight in weights),
                *before_promotion,
                Promote(name="promote", summary="promote", deadline=60),
                Shift(name="all-primary", summary="all to the primary", routes=ALL_PRIMARY),
                Finish(name="finish", summary="stop the canary"),
            )
        case PlanKind.INITIALISE:
            steps = (Adopt(name="adopt", summary="make the primary", deadline=60),)
        case PlanKind.REVERT:
            steps = (
                Shift(name="all-primary", summary="all to the primary", routes=ALL_PRIMARY),
                Finish(name="finish", summary="stop the canary"),
                Release(name="release", summary="give the target back"),
            )
        case _:
            steps = ()
    return Plan(
        kind=kind,
        revision=revision,
        promoted_revision="v1",
        steps=steps,
        traffic=Traffic(provider="local", service="shop"),
        analysis=Analysis(interval=10, threshold=threshold, guard=GuardRule()),
        post_hooks=post_hooks,
        undo=undo,
        supersede=supersede,
        expectation=Expectation(
            seconds=10.0 * len(weights),
            formula="interval × steps",
            rollback_seconds=20,
            rollback_formula="interval × threshold",
        ),
    )
