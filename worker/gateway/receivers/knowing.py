"""What a receiver knows of its platform; made once for a gateway."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from worker.gateway.receivers.coalescing import Clock
from worker.gateway.receivers.matching import Target
from worker.gateway.receivers.secrets import Secrets
from worker.gateway.receivers.sources import Remembered
from worker.gateway.resources import Resources
from workflows.model.trigger import Trigger


@dataclass(frozen=True, slots=True)
class Known:
    """Triggers and targets are good for a second; keys are read anew, so that rotation is heard."""

    triggers: Remembered[Sequence[Trigger]]
    targets: Remembered[Sequence[Target]]
    secrets: Secrets

    @classmethod
    def of(cls, resources: Resources, secrets: Secrets, clock: Clock = time.monotonic) -> "Known":
        """What these resources know."""

        async def triggers() -> Sequence[Trigger]:
            return await resources.triggers()

        async def targets() -> Sequence[Target]:
            return [Target(row.slot, row.labels) for row in await resources.canaries()]

        return cls(Remembered(triggers, clock), Remembered(targets, clock), secrets)
