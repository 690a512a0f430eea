"""A decision record as a page of Markdown: what was planned, seen and decided, in this order.

Pure; printed by `serinus record`, served by the gateway.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from workflows.approvals.approving import rule_words, span_words
from workflows.judge import judgement
from workflows.model.observation import Observation, Tick
from workflows.model.plan import Ask, Observe, Plan, Routes, Shift, Step
from workflows.model.record import (
    Decided,
    DecisionRecord,
    Ended,
    GaveUp,
    Happened,
    LookedAt,
    MoveKind,
    TimeCame,
    Told,
)
from workflows.model.requests import Outcome
from workflows.model.status import Verb

_MOVE = {
    MoveKind.GO: "went on",
    MoveKind.KEEP: "carried on",
    MoveKind.HOLD: "held",
    MoveKind.RESTORE: "**took it back**",
}


def markdown(record: DecisionRecord) -> str:
    """The whole page."""
    parts = [_head(record)]
    if record.plan is not None:
        parts += [_steps(record, record.plan), _limits(record.plan)]
    parts += [_decisions(record), _measured(record), _people(record), _taken_back(record)]
    parts.append(
        "Made again by `serinus replay`. "
        f"Plan `{record.plan_checksum[:12]}`, record `{record.digest[:12]}`."
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(record: DecisionRecord) -> str:
    plan, asked = record.plan, record.asked
    outcome = record.outcome or "not over"
    revision = plan.revision if plan else "nothing"
    rows = [("run", f"`{record.run_id}`"), ("asked by", _said(asked.by or "trigger", asked.reason))]
    if plan is not None:
        before = f", before it `{plan.promoted_revision}`" if plan.promoted_revision else ""
        rows.append(("what", f"{plan.kind} of `{plan.revision}`{before}, {plan.strategy}"))
        rows.append(("policy", f"{plan.policy}, a newer revision: {plan.supersede}"))
        rows += [("author", plan.author)] if plan.author else []
        rows.append(("planned", plan.expectation.formula))
    rows.append(("began", instant(record.started_at)))
    if record.ended_at is not None:
        took = record.ended_at - record.started_at
        rows.append(("ended", f"{instant(record.ended_at)}, after {took:.1f} s"))
    rows.append(("outcome", _why(record)))
    title = f"# {record.slot.key}: {revision} {outcome}"
    return f"{title}\n\n{table(('', ''), rows)}"


def _why(record: DecisionRecord) -> str:
    words = str(record.outcome or "not over")
    return f"{words}: {record.reason}: {record.message}" if record.reason else words


def _steps(record: DecisionRecord, plan: Plan) -> str:
    ended = {one.step: one for one in record.decided if isinstance(one.event, Ended | GaveUp)}
    rows = [
        (str(at + 1), f"`{step.name}`", _routes(step), *_span(record, at), _result(step, ended))
        for at, step in enumerate(plan.steps)
    ]
    heading = ("", "step", "canary", "began", "took", "result")
    return f"## Steps\n\n{table(heading, rows)}"


def _span(record: DecisionRecord, at: int) -> tuple[str, str]:
    span = record.timeline.spans.get(at)
    if span is None:
        return "", ""
    took = "" if span.ended_at is None else f"{span.ended_at - span.started_at:.1f} s"
    return instant(span.started_at), took


def _result(step: Step, ended: dict[str, Decided]) -> str:
    one = ended.get(step.name)
    match one and one.event:
        case Ended(observation=Observation() as seen):
            return seen.message
        case Ended():
            return "done"
        case GaveUp(message=message):
            return f"failed: {message}"
        case _:
            return ""


def _routes(step: Step) -> str:
    return weight(step.routes) if isinstance(step, Ask | Observe | Shift) else ""


def _limits(plan: Plan) -> str:
    analysis, guard = plan.analysis, plan.analysis.guard
    rows = [
        (check.metric.check, check.metric.provider, _limit(check.threshold.min),
         _limit(check.threshold.max), span_words(check.metric.interval))
        for check in analysis.checks
    ]  # fmt: skip
    lines = [
        f"Every {analysis.interval:g} s; {analysis.threshold} failed checks end the rollout; "
        f"no data means {analysis.no_data}."
    ]
    hooks = [*analysis.hooks, *analysis.rollback_hooks]
    if hooks:
        lines.append("Hooks: " + ", ".join(f"{hook.name} ({hook.type})" for hook in hooks) + ".")
    if guard.enabled:
        lines.append(
            f"The guard ends a step at p < {guard.p_value:g} after {guard.min_failures} failures "
            f"in {guard.min_looks} looks, {guard.allowed_failure_rate:.2%} allowed; "
            f"or after {guard.not_ready_after:g} s without a ready canary."
        )
    lines += [
        f"Gate `{step.name}`: {rule_words(step.rule) or 'any one person'}."
        for step in plan.steps
        if isinstance(step, Ask)
    ]
    checks = table(("check", "provider", "least", "most", "of the last"), rows) if rows else ""
    return "\n\n".join(part for part in ("## Limits", checks, "\n".join(lines)) if part)


def _decisions(record: DecisionRecord) -> str:
    rows = [(instant(one.at), f"`{one.step}`", *_decision(one)) for one in record.decided]
    left = f"\n\n{record.left_out} older decisions are not kept." if record.left_out else ""
    heading = ("when", "at", "who", "what happened", "decision", "canary")
    return f"## Decisions\n\n{table(heading, rows)}{left}" if rows else ""


def _decision(one: Decided) -> tuple[str, str, str, str]:
    move = one.move
    words = f"refused: {move.refusal.message}" if move.refusal else _MOVE[move.kind]
    if move.reason is not None:
        words += f": {move.reason}"
    if move.again is not None:
        words += f", to ask again at `{move.again.name}`"
    overtook = f"; the promotion was done before: {happening(one.overtook)}" if one.overtook else ""
    return who(one.event), happening(one.event) + overtook, words, weight(move.course.routes)


def _measured(record: DecisionRecord) -> str:
    rows: list[Sequence[str]] = []
    for one in record.decided:
        if isinstance(one.event, Ended) and one.event.observation is not None:
            rows += _of_ticks(one.step, one.event.observation)
    heading = ("step", "tick", "when", "what", "verdict")
    return f"## Measurements\n\n{table(heading, rows)}" if rows else ""


def _of_ticks(step: str, seen: Observation) -> Iterator[Sequence[str]]:
    first = seen.evidence.first_failure
    ticks = {tick.number: tick for tick in (first, *seen.evidence.ticks) if tick is not None}
    for tick in sorted(ticks.values(), key=_number):
        head = (f"`{step}`", f"{tick.number} of {seen.ticks}", instant(tick.at))
        for result in tick.results:
            yield (*head, judgement(result.measurement, result.threshold), str(result.verdict))
        for answer in tick.answers:
            said = "answered 2xx" if answer.ok else answer.message
            yield (*head, f"hook {answer.name}: {said}", "pass" if answer.ok else "fail")
    if seen.evidence.trip is not None:
        yield f"`{step}`", "guard", "", seen.evidence.trip.message, "fail"


def _number(tick: Tick) -> int:
    return tick.number


def _people(record: DecisionRecord) -> str:
    lines = [
        f"- {instant(one.at)} {who(one.event)}: {happening(one.event)} at `{one.step}`"
        + (f", refused: {one.move.refusal.message}" if one.move.refusal else "")
        for one in record.decided
        if isinstance(one.event, Told)
    ]
    return "\n".join(("## People", "", *lines)) if lines else ""


def _taken_back(record: DecisionRecord) -> str:
    restored = record.restored
    if restored is None:
        return ""
    ended, began = restored.ended_at, restored.began_at
    took = "not over" if ended is None else f"in {ended - began:.1f} s"
    undo = f" Undo hooks: {', '.join(restored.undo)}." if restored.undo else ""
    skipped = f" Given up: {', '.join(restored.skipped)}." if restored.skipped else ""
    lost = "" if record.outcome is not Outcome.PROMOTED else " It was promoted already."
    return (
        f"## Why it was taken back\n\n{record.reason}: {record.message}\n\n"
        f"All traffic to the primary from {instant(began)} on, {took}.{undo}{skipped}{lost}"
    )


def who(event: Happened) -> str:
    """Whose word it was, and whether that is proven."""
    match event:
        case Told(by=by, via=via, proven=proven):
            return f"{by or 'somebody'} ({'proven' if proven else 'claimed'}, {via})"
        case LookedAt(by=by):
            return by or "trigger"
        case _:
            return "serinus"


def happening(event: Happened) -> str:
    """What happened, in a few words."""
    match event:
        case Ended(observation=seen):
            return "the step was done" if seen is None else f"{seen.ending}: {seen.message}"
        case GaveUp(reason=reason, message=message):
            return f"the step failed: {reason}: {message}"
        case Told(verb=verb, text=text):
            return _said(str(verb), text) + _conditions(event)
        case LookedAt(revision=revision, action=action):
            return f"{action}: the target holds `{revision}`"
        case TimeCame(deadline=deadline):
            return f"the gate's {deadline} came"


def _conditions(told: Told) -> str:
    if told.verb is not Verb.APPROVE:
        return ""
    most = "" if told.max_weight is None else f", at most {told.max_weight} %"
    after = "" if told.not_before is None else f", not before {instant(told.not_before)}"
    return most + after


def _said(what: str, text: str) -> str:
    return f"{what}: {text}" if text else what


def weight(routes: Routes) -> str:
    """The canary's share of users."""
    return f"{routes.canary} %" + (" mirrored" if routes.mirrored else "")


def instant(at: float) -> str:
    """An instant that reads the same everywhere."""
    return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="seconds")[:19] + "Z"


def _limit(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what would break a cell is escaped."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
