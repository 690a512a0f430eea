"""Long activities are attended: they heartbeat, and hand over at once when their worker stops.

Used by the workloads of both platforms.
"""

from collections.abc import Coroutine
from typing import Never

from pydantic import BaseModel
from temporalio import activity

from activities.racing import Beat, first_of
from workflows import policies
from workflows.errors import worker_shutdown


async def attended(
    work: Coroutine[object, object, None],
    details: BaseModel,
    *beside: Coroutine[object, object, Never],
) -> None:
    """Do it; `details` are what the next attempt is told, `beside` goes on meanwhile."""
    beat = Beat(lambda: details, policies.ATTENDED_EVERY)
    await first_of(work, _hand_over(), beat.keep(), *beside)


async def _hand_over() -> Never:
    await activity.wait_for_worker_shutdown()
    raise worker_shutdown()
