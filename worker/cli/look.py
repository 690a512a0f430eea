"""`serinus status`, `list` and `history`: looking at rollouts without touching them."""

import time
from typing import Annotated

from cyclopts import Parameter

from worker import connection, rollouts, settings
from worker.cli.exits import of_status
from worker.cli.folder import target_lines, target_state
from worker.cli.follow import follow
from worker.cli.options import Format, Looking, Within
from worker.cli.output import complain, emit, say, show, table
from worker.cli.session import is_remote, opened, slot_of
from worker.cli.view import clock, picture, seconds, short
from workflows.errors import SerinusError
from workflows.model.identity import Slot
from workflows.model.status import RolloutStatus

PATIENCE = 2.0
"""Seconds that a look waits for Temporal before it says what the state folder knows."""
Watch = Annotated[bool, Parameter(name=("--watch", "-w"), negative=(), help="Until it is over.")]
ALL = Annotated[
    bool, Parameter(name=("--all-namespaces", "-A"), negative=(), help="In every namespace.")
]


async def status(
    name: str,
    *,
    watch: Watch = False,
    within: Within = None,
    looking: Looking | None = None,
) -> int:
    """Show a rollout: steps, weights, checks, who waits for whom.

    Ends with 0 if it was promoted, 2 if it was rolled back, 3 if it is not over.
    """
    looking = looking or Looking()
    slot = slot_of(looking.namespace, name)
    try:
        async with opened(looking.server, patience=PATIENCE) as serinus:
            if watch:
                return await follow(serinus, slot, within=within)
            found = await serinus.status(slot)
    except (connection.TemporalUnreachable, rollouts.NoAnswer, rollouts.NoRollout) as error:
        return await _from_folder(slot, error, remote=is_remote(looking.server))
    _print(found, looking.output)
    return of_status(found)


def _print(found: RolloutStatus, output: Format) -> None:
    if output is Format.TABLE:
        show(picture(found, time.time()))
    else:
        emit(found, output)


async def _from_folder(slot: Slot, error: SerinusError, *, remote: bool) -> int:
    """Say what the state folder knows of a slot that no rollout answers for, if it is here."""
    if remote:
        complain(str(error))
        return 1
    complain(f"{error}; this is what the state folder says:")
    for line in target_lines(await target_state(settings.load(), slot)):
        say(line)
    return 1


async def list_rollouts(*, all_namespaces: ALL = False, looking: Looking | None = None) -> int:
    """List the newest rollout of each target."""
    looking = looking or Looking()
    async with opened(looking.server) as serinus:
        rows = await serinus.listing(None if all_namespaces else looking.namespace)
    if looking.output is not Format.TABLE:
        emit(rows, looking.output)
    elif not rows:
        say("no rollouts; begin with `serinus apply -f FILE`")
    else:
        headings = ("TARGET", "PHASE", "REVISION", "CANARY", "WAITS", "STARTED", "TOOK")
        show(table(headings, map(_cells, rows)))
    return 0


def _cells(row: rollouts.Row) -> tuple[str, ...]:
    return (
        row.slot.key,
        row.phase or row.state,
        short(row.revision),
        "" if row.weight is None else f"{row.weight} %",
        "for approval" if row.awaiting_approval else "",
        clock(row.started_at),
        seconds((row.ended_at or time.time()) - row.started_at),
    )


async def history(name: str, *, looking: Looking | None = None) -> int:
    """Show how the rollouts of a target ended, the newest last."""
    looking = looking or Looking()
    async with opened(looking.server) as serinus:
        ended = await serinus.history(slot_of(looking.namespace, name))
    if looking.output is not Format.TABLE:
        emit(ended, looking.output)
        return 0
    headings = ("ENDED", "REVISION", "OUTCOME", "TOOK", "REASON")
    rows = (
        (
            clock(one.ended_at),
            short(one.revision),
            str(one.outcome),
            seconds(one.ended_at - one.started_at),
            f"{one.reason}: {one.message}" if one.reason else one.message,
        )
        for one in ended
    )
    show(table(headings, rows))
    return 0
