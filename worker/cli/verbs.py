"""`serinus approve` and the other words people say to a running rollout."""

import time
from dataclasses import dataclass
from datetime import datetime
from datetime import time as clock
from typing import Annotated

from cyclopts import Parameter

from worker.cli.exits import CommandFailed
from worker.cli.options import Asked, Format, Why
from worker.cli.output import emit, say
from worker.cli.session import Said, opened, slot_of, typed, whoami
from worker.cli.view import status_line
from workflows.model.decisions import Decision, Order, SkipUndo
from workflows.model.status import Verb


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What an approval holds for."""

    max_weight: Annotated[
        int | None, Parameter(help="Up to this percentage; for more, people are asked again.")
    ] = None
    not_before: Annotated[
        str | None, Parameter(help="From this time on: 2026-01-31T18:00Z, or 18:00 today, here.")
    ] = None


StepName = Annotated[str, Parameter(help="Only if this step is the one that waits.")]


async def approve(
    name: str,
    *,
    step: StepName = "",
    comment: Why = "",
    on: Conditions | None = None,
    asked: Asked | None = None,
) -> int:
    """Open the gate that waits, or be one of those that it asks."""
    asked, on = asked or Asked(), on or Conditions()
    decision = typed(
        Decision,
        by=whoami(asked.by),
        comment=comment,
        step=step,
        max_weight=on.max_weight,
        not_before=None if on.not_before is None else instant(on.not_before),
    )
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


def instant(text: str) -> float:
    """Seconds since 1970; without a zone it is the time of this place, without a date today's."""
    try:
        if ":" in text[:3]:
            today = datetime.fromtimestamp(time.time()).astimezone().date()
            given = datetime.combine(today, clock.fromisoformat(text))
        else:
            given = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandFailed(
            f"--not-before {text!r} is not a time; write 2026-01-31T18:00Z, or 18:00 for today"
        ) from error
    return given.astimezone().timestamp()


async def _tell(name: str, verb: Verb, order: Said, asked: Asked) -> int:
    """Send the update and print the new status."""
    async with opened(asked.server, asked.by) as serinus:
        status = await serinus.tell(slot_of(asked.namespace, name), verb, order)
    if asked.output is Format.TABLE:
        say(status_line(status))
    else:
        emit(status, asked.output)
    return 0
