"""`serinus undo`: the revision before the present one goes out again, as a rollout."""

from worker.cli.follow import follow
from worker.cli.options import Asked, Waiting, Why
from worker.cli.output import say
from worker.cli.session import opened, slot_of


async def undo(
    name: str, *, reason: Why = "", waiting: Waiting | None = None, asked: Asked | None = None
) -> int:
    """Release the previously promoted revision again, with the same checks as any release."""
    asked, waiting = asked or Asked(), waiting or Waiting()
    slot = slot_of(asked.namespace, name)
    async with opened(asked.server, asked.by) as serinus:
        run = await serinus.undo(slot, reason)
        say(f"{slot.key}: the previous revision goes out again, run {run}")
        return await follow(serinus, slot, within=waiting.within) if waiting.wait else 0
