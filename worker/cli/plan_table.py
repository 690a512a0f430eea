"""A plan as people read it: its steps, its length, and what watches over it.

Used by `serinus plan`.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workflows.expectation import planned_intervals
from workflows.model.hook import Hook
from workflows.model.plan import (
    ALL_PRIMARY,
    Ask,
    Call,
    Check,
    Observe,
    Plan,
    PlanKind,
    Routes,
    Shift,
    Step,
)
from workflows.model.quantity import format_duration

NOTHING = {
    PlanKind.SUSPENDED: "suspended: nothing is done until spec.suspend is removed",
    PlanKind.UNCHANGED: "unchanged: this revision is already promoted",
}


def drawn(name: str, plan: Plan) -> RenderableType:
    """The plan for `name`, with everything that follows from it."""
    headline = Text(_headline(name, plan), style="bold")
    if not plan.steps:
        return Group(headline, NOTHING.get(plan.kind, "no steps"))
    return Group(headline, _step_table(plan), "", _facts(plan))


def _headline(name: str, plan: Plan) -> str:
    words = [name, plan.kind.value]
    if plan.kind is PlanKind.RELEASE:
        words += [plan.strategy.value, f"{plan.promoted_revision} -> {plan.revision}"]
    return " · ".join(words)


def _step_table(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("#", justify="right")
    table.add_column("step", no_wrap=True)
    table.add_column("what happens")
    table.add_column("canary", justify="right", no_wrap=True)
    table.add_column("checks", no_wrap=True)
    table.add_column("hooks")
    table.add_column("planned", justify="right", no_wrap=True)
    for number, (step, routes) in enumerate(_with_routes(plan.steps), start=1):
        table.add_row(
            str(number),
            step.name,
            step.summary,
            "mirror" if routes.mirrored else f"{routes.canary} %",
            _checks(step, plan),
            ", ".join(hook.name for hook in _hooks(step, plan)),
            _planned(step, plan),
        )
    return table


def _with_routes(steps: Iterable[Step]) -> Iterator[tuple[Step, Routes]]:
    routes = ALL_PRIMARY
    for step in steps:
        if isinstance(step, Observe | Shift | Ask):
            routes = step.routes
        yield step, routes


def _judged(step: Step) -> bool:
    match step:
        case Observe():
            return step.analysed
        case Ask():
            return step.watch
        case _:
            return False


def _guarded(step: Step) -> bool:
    return isinstance(step, Observe | Ask) and step.guarded


def _checks(step: Step, plan: Plan) -> str:
    words = [str(len(plan.analysis.checks))] if _judged(step) else []
    if _guarded(step) and plan.analysis.guard.enabled:
        words.append("guard")
    return " + ".join(words)


def _hooks(step: Step, plan: Plan) -> tuple[Hook, ...]:
    match step:
        case Ask() | Call():
            return step.hooks
        case Observe():
            return step.hooks + (plan.analysis.hooks if step.analysed else ())
        case _:
            return ()


def _planned(step: Step, plan: Plan) -> str:
    if isinstance(step, Ask):
        return "until open"
    planned = planned_intervals(step) * plan.analysis.interval
    return _span(planned) if planned else ""


def _facts(plan: Plan) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for label, fact in (*_times(plan), *_safeguards(plan)):
        table.add_row(label, fact)
    return table


def _times(plan: Plan) -> Iterator[tuple[str, str]]:
    time = plan.expectation
    yield "expected", f"{_span(time.seconds)}: {time.formula}"
    worst = f"{_span(time.rollback_seconds)} at worst: " if time.rollback_seconds else ""
    yield "roll back", f"{worst}{time.rollback_formula}"


def _safeguards(plan: Plan) -> Iterator[tuple[str, str]]:
    yield "guard", _guard(plan)
    if any(_judged(step) for step in plan.steps):
        yield from (("check", _check(check)) for check in plan.analysis.checks)
        for hook in plan.analysis.rollback_hooks:
            yield "rollback hook", f"{hook.name}, asked at every interval"
    for undo in plan.undo:
        yield "undo hook", f"{undo.name}, owed once {undo.after} has begun"
    yield "policy", _policy(plan)


def _guard(plan: Plan) -> str:
    rule = plan.analysis.guard
    if not rule.enabled:
        return "off"
    if not any(_guarded(step) for step in plan.steps):
        return "not needed: in no step do users meet the canary"
    return (
        f"on: ends a step at {rule.min_failures} failures in {rule.min_looks} looks with "
        f"p < {rule.p_value:g}, or after {_span(rule.not_ready_after)} without a ready canary"
    )


def _check(check: Check) -> str:
    low, high = check.threshold.min, check.threshold.max
    limits = [
        *([] if low is None else [f"at least {low:g}"]),
        *([] if high is None else [f"at most {high:g}"]),
    ]
    metric = check.metric
    return f"{metric.check} {' and '.join(limits)}, over {_span(metric.interval)}"


def _policy(plan: Plan) -> str:
    return f"{plan.policy}: newer revision → {plan.supersede}, no data → {plan.analysis.no_data}"


def _span(length: float) -> str:
    return format_duration(timedelta(seconds=length))
