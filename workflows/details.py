"""The Markdown that the stock Temporal UI shows for a rollout, with the exact lines to type."""

from workflows.approvals.asking import waiting_lines
from workflows.model.identity import Slot
from workflows.model.status import RolloutStatus, StepState, StepStatus, Verb, Waiting

_MARK = {
    StepState.DONE: "✓",
    StepState.NOW: "●",
    StepState.NEXT: "○",
    StepState.SKIPPED: "–",
    StepState.STOPPED: "✗",
}
_INPUT = {
    Verb.APPROVE: '{"by":"<you>","step":"%s"}',
    Verb.REJECT: '{"by":"<you>","comment":"<why>"}',
    Verb.SKIP: '{"by":"<you>","undo":"<name>"}',
    Verb.SUBMIT: '{"by":"<you>"}',
}
_ORDER_INPUT = '{"by":"<you>","reason":"<why>"}'


def static_details(slot: Slot) -> str:
    """What stays true for the whole run; set at start."""
    return (
        f"One rollout of **{slot.key}** on `{slot.cluster}`; *current details* show where it is."
        "\n\n"
        "Cancelling it is safe: traffic goes back to the primary first.\n\n"
        f"```\n{query_line(slot.workflow_id)}\n```"
    )


def current_details(status: RolloutStatus) -> str:
    """Where the rollout is, and what may be said to it now."""
    routes = status.routes
    head = f"**{status.phase}** · primary {routes.primary} % · canary {routes.canary} %"
    if routes.mirrored:
        head += " · mirrored"
    if status.paused:
        head += " · paused"
    parts = [head, f"Revision `{status.revision}`, before it `{status.promoted_revision}`."]
    if status.waiting is not None:
        parts.append(_waiting(status.waiting))
    if status.message:
        parts.append(f"{status.reason}: {status.message}")
    parts.append("\n".join(_row(step) for step in status.steps))
    lines = "\n".join(command_lines(status))
    parts.append(f"```\n{lines}\n```")
    return "\n\n".join(parts)


def _waiting(waiting: Waiting) -> str:
    number = "a person" if waiting.needed < 2 else f"{waiting.needed} people"
    head = f"**Waiting for {number}**: {waiting.gate} at `{waiting.step}`."
    if waiting.opens_at is not None:
        head = f"**Approved**: {waiting.gate} at `{waiting.step}` waits for its time."
    return "\n".join([head, *(f"- {line}" for line in waiting_lines(waiting))])


def command_lines(status: RolloutStatus) -> list[str]:
    """The `temporal` lines for exactly the moves allowed now."""
    lines = [update_line(status, verb) for verb in status.allowed]
    return [*lines, query_line(status.workflow_id)]


def update_line(status: RolloutStatus, verb: Verb) -> str:
    """One line of the stock CLI that gives an order."""
    template = _INPUT.get(verb, _ORDER_INPUT)
    step = status.waiting.step if status.waiting else ""
    payload = template % step if "%s" in template else template
    return f"temporal workflow update execute -w {status.workflow_id} --name {verb} -i '{payload}'"


def query_line(workflow_id: str) -> str:
    """The line of the stock CLI that asks for the status."""
    return f"temporal workflow query -w {workflow_id} --type status"


def _row(step: StepStatus) -> str:
    return f"- {_MARK[step.state]} `{step.name}` {step.summary}"
