"""`serinus undo`: the revision before the present one goes out again, as a rollout."""

from temporalio.client import Client

from worker import rollouts
from worker.cli.follow import follow
from worker.cli.options import Asked, Waiting, Why
from worker.cli.output import say
from worker.cli.session import slot_of, whoami, with_temporal


async def undo(
    name: str, *, reason: Why = "", waiting: Waiting | None = None, asked: Asked | None = None
) -> int:
    """Release the previously promoted revision again, with the same checks as any release."""
    asked, waiting = asked or Asked(), waiting or Waiting()
    slot = slot_of(asked.namespace, name)

    async def ask(client: Client) -> int:
        run = await rollouts.release_previous(client, slot, whoami(asked.by), reason)
        say(f"{slot.key}: the previous revision goes out again, run {run}")
        return await follow(client, slot, within=waiting.within) if waiting.wait else 0

    return await with_temporal(ask)
