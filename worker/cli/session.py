"""What a command needs before it can speak to a rollout: who asks, and a connection."""

import getpass
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from temporalio.client import Client

from worker import connection, settings
from worker.cli.exits import CommandFailed
from workflows.model.identity import Slot

Answer = TypeVar("Answer")
Typed = TypeVar("Typed", bound=BaseModel)


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
