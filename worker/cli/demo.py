"""`serinus demo`: a good release promoted and a bad one taken back, before your eyes."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from worker import settings
from worker.cli.exits import Exit
from worker.cli.follow import Screen
from worker.cli.output import complain, say, show, table
from worker.cli.stack import sign_in_link
from worker.cli.view import ending_text, seconds, spent
from worker.settings import Settings
from worker.stack.demo import HOST, Demo, Release
from worker.stack.ports import Ports
from worker.stack.users import Users
from workflows.model.status import RolloutStatus

HOME = Path(".serinus/demo")
LIMIT = 120.0
"""Seconds that the whole demo may take."""
INTERRUPTED = 130


async def demo(
    *,
    keep: Annotated[bool, Parameter(negative=(), help="Leave the stack up to play with.")] = False,
) -> int:
    """Start a stack in ./.serinus/demo, release a good and a bad version, say how it went."""
    configured = settings.load().at(HOME)
    own = configured.model_copy(update={"stack_only": True})
    _end_politely()
    screens = Screens()
    theatre = Demo(own, screens.say, screens.show)
    try:
        async with asyncio.timeout(LIMIT):
            known = await theatre.fresh_stack()
            screens.say(f"watch: {await asyncio.to_thread(sign_in_link, own)}")
            releases = await theatre.releases(known)
    except asyncio.CancelledError:
        return INTERRUPTED
    except TimeoutError:
        screens.close()
        complain(f"the demo was not over after {LIMIT:g} s; its files are in {own.home}")
        return Exit.TIMEOUT
    finally:
        screens.close()
        left = [] if keep else await _stop(theatre)
    say("")
    show(summary(releases))
    for release in releases:
        say(f"\n{release.version}: {ending_text(release.status)}")
        say(f"  {ui_link(release.status, known)}")
    if not keep:
        say("\n(the links were good while the stack ran; `make demo KEEP=1` leaves it up)")
    return _ending(releases, own, known, keep=keep, left=left)


def _ending(
    releases: Sequence[Release], own: Settings, known: Ports, *, keep: bool, left: Sequence[str]
) -> int:
    """Say the last words; the exit code."""
    if keep:
        say(f"\nThe stack stays up: curl -H 'Host: {HOST}' {known.users_url}")
        say(f"  export SERINUS_HOME={own.home}")
        say("  serinus login (a link to the page)")
        say("  serinus status shop; serinus undo shop --wait; serinus down")
    for process in left:
        complain(f"left behind: {process}")
    for release in releases:
        if not release.as_wanted:
            complain(f"{release.version} should have ended {release.wanted} (see above)")
    good = all(release.as_wanted for release in releases) and not left
    return Exit.PROMOTED if good else Exit.FAILED


class Screens:
    """One picture after another: each rollout has its own, the words stand between them."""

    def __init__(self) -> None:
        """Nothing is drawn yet."""
        self._screen: Screen | None = None

    def show(self, status: RolloutStatus, users: Users | None) -> None:
        """Draw a rollout and what its users meet."""
        if self._screen is None:
            self._screen = Screen().__enter__()
        below = [] if users is None else [users_line(users)]
        self._screen.show(status, *below)

    def say(self, line: str) -> None:
        """Print a line under the last picture."""
        self.close()
        say(line)

    def close(self) -> None:
        """Leave the last picture standing."""
        if self._screen is not None:
            self._screen.__exit__()
        self._screen = None


def users_line(users: Users) -> Text:
    """Count what users have met."""
    seen = users.seen()
    style = "red" if seen.failed else "green"
    return Text(f"users: {seen.sent} requests, {seen.failed} failed", style)


def summary(releases: Sequence[Release]) -> RenderableType:
    """Draw what was planned, what happened, and what it cost the users."""
    headings = ("release", "ended", "planned", "analysis", "in all", "requests", "failed", "")
    return table(headings, [_row(release) for release in releases])


def _row(release: Release) -> tuple[str, ...]:
    status = release.status
    analysed = [step for step in status.steps if step.planned]
    analysis = sum(spent(step, status.ended_at or 0.0) or 0.0 for step in analysed)
    return (
        release.version,
        str(status.outcome),
        seconds(status.expectation.seconds if status.expectation else None),
        seconds(analysis),
        seconds((status.ended_at or status.started_at) - status.started_at),
        str(release.users.sent),
        str(release.users.failed),
        str(release.users),
    )


def ui_link(status: RolloutStatus, known: Ports) -> str:
    """Where the stock Temporal UI shows this run; it is there while the stack is up."""
    workflow = quote(status.workflow_id, safe="")
    return (
        f"{known.temporal_ui_url}/namespaces/default/workflows/{workflow}/{status.run_id}/history"
    )


def _end_politely() -> None:
    """Let SIGTERM stop the stack too; SIGINT does already."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def _stop(theatre: Demo) -> list[str]:
    """Stop the stack; say what is left of it."""
    await theatre.stack.down()
    left = await asyncio.to_thread(theatre.stack.left)
    return [f"{process.pid} {process.name()}" for process in left]
