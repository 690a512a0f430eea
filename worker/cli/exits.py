"""What the exit code of `serinus` says, so that scripts can act on it."""

from enum import IntEnum

from workflows.errors import SerinusError
from workflows.model.requests import Outcome
from workflows.model.status import RolloutStatus


class Exit(IntEnum):
    """The closed list of exit codes."""

    PROMOTED = 0
    FAILED = 1
    """Wrong usage, no connection, a refused decision."""
    ROLLED_BACK = 2
    WAITING = 3
    """Not over: it runs, is paused, or waits for people."""
    TIMEOUT = 124


class CommandFailed(SerinusError):  # noqa: N818  the name says what is wrong
    """A command could not do what was asked; the text is all that is printed."""


OF_OUTCOME = {
    Outcome.PROMOTED: Exit.PROMOTED,
    Outcome.INITIALISED: Exit.PROMOTED,
    Outcome.UNCHANGED: Exit.PROMOTED,
    Outcome.REVERTED: Exit.PROMOTED,
    Outcome.ROLLED_BACK: Exit.ROLLED_BACK,
    Outcome.WITHDRAWN: Exit.ROLLED_BACK,
    Outcome.SUPERSEDED: Exit.ROLLED_BACK,
    Outcome.SUSPENDED: Exit.WAITING,
}


def of_status(status: RolloutStatus) -> Exit:
    """Say where the rollout is."""
    return Exit.WAITING if status.outcome is None else OF_OUTCOME[status.outcome]


def of_timeout(status: RolloutStatus | None) -> Exit:
    """Say why the time was over: people were waited for, or it just takes longer."""
    held = status is not None and (status.waiting is not None or status.paused)
    return Exit.WAITING if held else Exit.TIMEOUT
