"""Watching a rollout until it is over: live in a terminal, line by line elsewhere.

Used by `serinus apply --wait`, `serinus status -w`, `serinus undo --wait` and the demo.
"""

import asyncio
import contextlib
import time
from contextlib import AbstractContextManager

from rich.console import Group, RenderableType
from rich.live import Live

from worker.cli.exits import Exit, of_status, of_timeout
from worker.cli.news import news
from worker.cli.output import complain, console, say
from worker.cli.session import Speaker
from worker.cli.view import picture
from workflows.model.identity import Slot
from workflows.model.status import RolloutStatus


class Screen(AbstractContextManager["Screen"]):
    """Shows each new status: a picture that stays in place, or lines about what changed."""

    def __init__(self) -> None:
        """Draw on standard output."""
        shown = console()
        self._live = Live(console=shown, auto_refresh=False) if shown.is_terminal else None
        self._last: RolloutStatus | None = None

    def __enter__(self) -> "Screen":
        """Begin to draw."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last picture standing."""
        if self._live is not None:
            self._live.stop()

    def show(self, status: RolloutStatus, *below: RenderableType) -> None:
        """Draw one status; a terminal also has room for what is below it."""
        if self._live is not None:
            self._live.update(Group(picture(status, time.time()), *below), refresh=True)
        else:
            for line in news(self._last, status):
                say(line)
        self._last = status


async def follow(asked: Speaker, slot: Slot, *, within: float | None) -> Exit:
    """Show the slot's rollout until it ends; say how."""
    last: RolloutStatus | None = None
    try:
        with Screen() as screen:
            async with asyncio.timeout(within):
                async with contextlib.aclosing(asked.watch(slot, complain)) as statuses:
                    async for last in statuses:
                        screen.show(last)
    except TimeoutError:
        complain(f"{slot.key} is not over after {within:g} s")
        return of_timeout(last)
    return of_status(last) if last else Exit.FAILED
