"""`serinus reset`: all traffic to the primary, when nothing else can be relied on."""

import httpx

from activities.local.home import Home
from activities.local.platform import LocalPlatform
from activities.local.reset import reset as reset_target
from worker import settings
from worker.cli.options import Namespace
from worker.cli.output import say
from worker.cli.session import slot_of
from worker.stack import ports, programs


async def reset(name: str, *, namespace: Namespace = "default") -> int:
    """Send all traffic to the primary and stop the canary; needs neither Temporal nor a worker.

    A rollout that still runs is overtaken: none of its later writes counts.
    """
    configured = settings.load()
    slot = slot_of(namespace, name)
    known = ports.claim(configured.home, usual=configured.usual_ports)
    settings.put_programs_on_path()
    async with httpx.AsyncClient(trust_env=False) as http:
        traefik = programs.require("traefik")
        platform = LocalPlatform(Home(configured.home), http, known.proxy, traefik)
        await reset_target(platform, slot)
    say(f"{slot.key}: all traffic goes to the primary")
    return 0
