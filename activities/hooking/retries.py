"""When a hook is called again: called by `activities.hooking.caller` after each attempt.

As Flagger: after trouble with the connection, 429, and server errors that may pass.
"""

import time
from email.utils import parsedate_to_datetime

from workflows.model.hook import HookAnswer

SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
LONGEST_ASKED = 60.0
"""A receiver that asks for a longer pause (Retry-After) is not called again."""


def pause_before_next(answer: HookAnswer, retry_after: str | None) -> float | None:
    """Seconds until the next attempt makes sense; None if it never does."""
    if answer.ok or not _may_pass(answer.status):
        return None
    asked = asked_pause(retry_after, time.time())
    if asked is not None:
        return asked if asked <= LONGEST_ASKED else None
    # 2 ** 1024 is no float; the longest pause is reached long before.
    doublings = min(answer.attempts - 1, 10)
    return min(LONGEST_PAUSE, SHORTEST_PAUSE * 2.0**doublings)


def asked_pause(retry_after: str | None, now: float) -> float | None:
    """Read a Retry-After header, seconds or a date; None if there is none that can be read."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except ValueError:
        return None


def _may_pass(status: int | None) -> bool:
    """Without a status there was no answer at all."""
    return status is None or status == 429 or (status >= 500 and status != 501)
