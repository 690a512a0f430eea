"""A plan as the page draws it: one row a step, and what follows from it. Pure."""

from dataclasses import dataclass

from worker.planning import Planned
from workflows.expectation import planned_intervals
from workflows.model.plan import ALL_PRIMARY, Ask, Call, Observe, Plan, Routes, Shift, Step


@dataclass(frozen=True)
class PlanRow:
    """One step; `planned` is None where nobody knows how long it takes."""

    name: str
    kind: str
    summary: str
    routes: Routes
    hooks: tuple[str, ...]
    planned: float | None


@dataclass(frozen=True)
class Drawn:
    """A whole plan."""

    name: str
    plan: Plan
    rows: tuple[PlanRow, ...]


def drawn(planned: Planned) -> Drawn:
    """Row by row; steps that say nothing of routes keep those before."""
    rows: list[PlanRow] = []
    routes = ALL_PRIMARY
    for step in planned.plan.steps:
        routes = step.routes if isinstance(step, Observe | Shift | Ask) else routes
        rows.append(_row(planned.plan, step, routes))
    return Drawn(planned.name, planned.plan, tuple(rows))


def _row(plan: Plan, step: Step, routes: Routes) -> PlanRow:
    length = planned_intervals(step) * plan.analysis.interval
    return PlanRow(
        name=step.name,
        kind=step.kind,
        summary=step.summary,
        routes=routes,
        hooks=tuple(hook.name for hook in step.hooks)
        if isinstance(step, Ask | Call | Observe)
        else (),
        planned=None if isinstance(step, Ask) else length,
    )
