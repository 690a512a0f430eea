"""`serinus approve` and the other words people say to a running rollout."""

from typing import Annotated

from cyclopts import Parameter
from temporalio.client import Client

from worker import rollouts
from worker.cli.options import Asked, Format, Why
from worker.cli.output import emit, say
from worker.cli.session import slot_of, typed, whoami, with_temporal
from worker.cli.view import status_line
from workflows.model.decisions import Decision, Order, SkipUndo
from workflows.model.status import RolloutStatus, Verb
from workflows.model.value import Value

StepName = Annotated[str, Parameter(help="Only if this step is the one that waits.")]


async def approve(
    name: str, *, step: StepName = "", comment: Why = "", asked: Asked | None = None
) -> int:
    """Open the gate that waits."""
    asked = asked or Asked()
    decision = typed(Decision, by=whoami(asked.by), comment=comment, step=step)
    return await _tell(name, Verb.APPROVE, decision, asked)


async def reject(
    name: str, *, step: StepName = "", comment: Why = "", asked: Asked | None = None
) -> int:
    """Refuse the gate that waits; the rollout is taken back."""
    asked = asked or Asked()
    decision = typed(Decision, by=whoami(asked.by), comment=comment, step=step)
    return await _tell(name, Verb.REJECT, decision, asked)


async def pause(name: str, *, reason: Why = "", asked: Asked | None = None) -> int:
    """Stop advancing; the canary is still watched, and taken back if it hurts."""
    asked = asked or Asked()
    order = typed(Order, by=whoami(asked.by), reason=reason)
    return await _tell(name, Verb.PAUSE, order, asked)


async def resume(name: str, *, reason: Why = "", asked: Asked | None = None) -> int:
    """Go on after a pause."""
    asked = asked or Asked()
    order = typed(Order, by=whoami(asked.by), reason=reason)
    return await _tell(name, Verb.RESUME, order, asked)


async def promote(name: str, *, reason: Why = "", asked: Asked | None = None) -> int:
    """Skip the remaining gates and analysis and promote."""
    asked = asked or Asked()
    order = typed(Order, by=whoami(asked.by), reason=reason)
    return await _tell(name, Verb.PROMOTE, order, asked)


async def abort(name: str, *, reason: Why = "", asked: Asked | None = None) -> int:
    """Take the rollout back now: all traffic to the primary."""
    asked = asked or Asked()
    order = typed(Order, by=whoami(asked.by), reason=reason)
    return await _tell(name, Verb.ABORT, order, asked)


async def skip(name: str, undo: str, *, reason: Why = "", asked: Asked | None = None) -> int:
    """Give up the undo hook UNDO, which will not succeed."""
    asked = asked or Asked()
    order = typed(SkipUndo, undo=undo, by=whoami(asked.by), reason=reason)
    return await _tell(name, Verb.SKIP, order, asked)


async def _tell(name: str, verb: Verb, order: Value, asked: Asked) -> int:
    """Send the update and print the new status."""
    slot = slot_of(asked.namespace, name)

    async def ask(client: Client) -> RolloutStatus:
        return await rollouts.tell(client, slot, verb, order)

    status = await with_temporal(ask)
    if asked.output is Format.TABLE:
        say(status_line(status))
    else:
        emit(status, asked.output)
    return 0
