"""What a command needs before it can speak to Serinus: who asks, and whom it asks.

`opened` gives a `Speaker`: Temporal and the home folder of this machine, or a gateway over HTTP
(`--server`). The commands know only that.
"""

import getpass
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError
from temporalio.client import Client

from activities.claims import PastRun
from worker import connection, settings
from worker.applying import Applied
from worker.cli.exits import CommandFailed
from worker.planning import Planned
from worker.rollouts import Row
from workflows.model.decisions import Decision, Order, SkipUndo
from workflows.model.identity import Slot
from workflows.model.manifest import Manifest
from workflows.model.status import RolloutStatus, Verb

Answer = TypeVar("Answer")
Typed = TypeVar("Typed", bound=BaseModel)
Said = Decision | Order | SkipUndo
Complain = Callable[[str], None]
Texts = Sequence[tuple[str, str]]
"""Manifests as texts, each after the name of its source."""


class Speaker(Protocol):
    """Somebody who can ask about rollouts and tell them things."""

    async def status(self, slot: Slot) -> RolloutStatus:
        """The newest rollout of a slot."""
        ...

    def watch(self, slot: Slot, complain: Complain) -> AsyncGenerator[RolloutStatus, None]:
        """Its status again and again; the last one is of a rollout that is over."""
        ...

    async def listing(self, namespace: str | None) -> list[Row]:
        """The newest rollout of each slot, the one started last first."""
        ...

    async def history(self, slot: Slot) -> tuple[PastRun, ...]:
        """How the rollouts of a slot ended, the newest last."""
        ...

    async def tell(self, slot: Slot, verb: Verb, said: Said) -> RolloutStatus:
        """Say something to the running rollout."""
        ...

    async def undo(self, slot: Slot, reason: str) -> str:
        """Release the revision before the present one; gives the run id."""
        ...

    async def plan(self, texts: Texts) -> tuple[Planned, ...]:
        """What manifests would do."""
        ...

    async def manifests(
        self, kinds: Iterable[type[Manifest]], namespace: str
    ) -> tuple[Manifest, ...]:
        """What is applied of these kinds."""
        ...

    async def apply(
        self, texts: Texts, *, again: bool, report: Callable[[Applied], None]
    ) -> tuple[RolloutStatus, ...]:
        """Keep manifests, report what changed, and roll that out."""
        ...

    async def delete(self, kind: type[Manifest], namespace: str, name: str) -> RolloutStatus | None:
        """Remove a manifest; gives the rollout that does so, if it takes one."""
        ...


@asynccontextmanager
async def opened(
    server: str, by: str | None = None, *, patience: float | None = None
) -> AsyncGenerator[Speaker]:
    """Whom to ask: the server given or set, else Temporal, for which there is `patience`."""
    configured = settings.load()
    url = server or configured.server
    if not url:
        from worker.cli.direct import Direct  # noqa: PLC0415  each way imports its own client

        yield Direct(configured, whoami(by), patience)
        return
    if by:
        raise CommandFailed("--by: over --server it is the token that says who decides")
    from worker.cli.remote import opened_remote  # noqa: PLC0415

    async with opened_remote(url, configured) as remote:
        yield remote


def is_remote(server: str) -> bool:
    """Whether it is a gateway that is asked."""
    return bool(server or settings.load().server)


async def with_temporal(
    ask: Callable[[Client], Awaitable[Answer]], *, patience: float | None = None
) -> Answer:
    """Connect as configured and ask."""
    return await ask(await connection.connect(settings.load(), patience=patience))


def whoami(given: str | None) -> str:
    """Return who decides: as given, else the user of this shell."""
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def slot_of(namespace: str, name: str) -> Slot:
    """Return the slot that a person named."""
    return typed(Slot, namespace=namespace, name=name)


def typed(model: type[Typed], **fields: object) -> Typed:
    """Make a value of what a person typed, or say which of it is wrong."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        problems = (
            f"{problem['loc'][0]} {problem['input']!r}: {problem['msg']}"
            for problem in error.errors()
        )
        raise CommandFailed("; ".join(problems)) from error
