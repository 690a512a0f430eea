"""Watching a rollout until it is over; used by the command line and the demo."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from temporalio.client import Client

from worker import rollouts
from workflows.errors import SerinusError
from workflows.model.identity import Slot
from workflows.model.status import RolloutStatus

LOOK_EVERY = 0.4


class RolloutLost(SerinusError):  # noqa: N818  the name says what is wrong
    """The run ended without an outcome: it failed or was terminated."""


async def watch(
    client: Client, slot: Slot, complain: Callable[[str], None]
) -> AsyncGenerator[RolloutStatus, None]:
    """Yield the status again and again; the last one is of a rollout that is over.

    A rollout does not stop because nobody can look at it, so an outage is waited out.
    """
    silent = False
    while True:
        try:
            # Asked first, so that the status after it is final if the run is.
            running = await rollouts.is_running(client, slot)
            status = await rollouts.status(client, slot)
        except rollouts.NoAnswer as error:
            if not silent:
                complain(f"{error} (still trying)")
            silent = True
        else:
            silent = False
            yield status
            if not running:
                break
        await asyncio.sleep(LOOK_EVERY)
    if status.outcome is None:
        raise RolloutLost(await rollouts.ending(client, slot))
