"""`serinus up` and `serinus down`: the embedded stack."""

import asyncio
import time

from worker import settings
from worker.cli.output import say
from worker.cli.session import whoami
from worker.gateway.addresses import one_time_link
from worker.gateway.settings import load_gateway
from worker.settings import Settings
from worker.stack.stack import Stack


async def up() -> int:
    """Start Temporal, proxy, load tester, worker and gateway; they outlive this command."""
    stack = Stack(settings.load(), say)
    known = await stack.up()
    say(f"page         {await asyncio.to_thread(sign_in_link, stack.settings)}  (once)")
    say(f"users        {known.users_url}  (by Host header)")
    say(f"Temporal UI  {known.temporal_ui_url}")
    say(f"load tester  {known.loadtester_url}")
    say(f"files        {stack.settings.home}")
    return 0


async def down() -> int:
    """Stop the stack and every target in it; files stay, `serinus up` goes on with them."""
    stack = Stack(settings.load(), say)
    if not await stack.running() and not stack.left():
        say("nothing runs")
        return 0
    await stack.down()
    say("stopped")
    return 0


def sign_in_link(own: Settings) -> str:
    """A link to the page of this stack, for who runs it. Blocking."""
    return one_time_link(own, load_gateway(), whoami(None), time.time())
