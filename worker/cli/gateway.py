"""`serinus gateway`, `login` and `token`: the way in over HTTP, and who may use it."""

import asyncio
import signal
import time
from typing import Annotated, Literal

from cyclopts import Parameter

from worker import logs, settings
from worker.cli.exits import CommandFailed
from worker.cli.options import Format, Output
from worker.cli.output import emit, say, show, table
from worker.cli.session import whoami
from worker.gateway.addresses import one_time_link
from worker.gateway.doors import token_file
from worker.gateway.opening import state_of
from worker.gateway.settings import load_gateway
from worker.gateway.tokens import Token, TokenFile
from workflows.model.value import Record

DAY = 86_400.0
Groups = Annotated[
    tuple[str, ...],
    Parameter(name=("--group", "-g"), negative=(), help="A group that roles are bound to."),
]
Days = Annotated[float | None, Parameter(help="Days for which it is good; for ever if not given.")]
As = Annotated[str | None, Parameter(name="--as", help="Who signs in; your user name by default.")]


async def gateway() -> int:
    """Serve API, page and receivers until SIGTERM or SIGINT; SERINUS_GATEWAY__ variables set it."""
    from worker.gateway.serving import run_gateway  # noqa: PLC0415  the others need no server

    known = settings.load()
    logs.configure(known.log_level)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_gateway(known, load_gateway(), stop)
    return 0


def login(*, name: As = None) -> int:
    """Print a link that signs a browser in once, as admin, within ten minutes."""
    say(one_time_link(settings.load(), load_gateway(), whoami(name), time.time()))
    return 0


def token(
    action: Literal["add", "list", "revoke"],
    name: str | None = None,
    *,
    groups: Groups = (),
    days: Days = None,
    output: Output = Format.TABLE,
) -> int:
    """Add, list or revoke tokens of programs; one that is added is shown this once."""
    gateway = load_gateway()
    file = TokenFile(token_file(gateway, state_of(settings.load(), gateway)))
    if action == "list":
        _show([_row(each) for each in file.tokens()], output)
        return 0
    if not name:
        raise CommandFailed(f"token {action}: say which, by name")
    if action == "add":
        say(file.add(name, groups, time.time(), None if days is None else days * DAY))
    else:
        say(f"revoked: {file.revoke(name)}")
    return 0


class TokenRow(Record):
    """What of a token may be shown. Instants are RFC 3339."""

    id: str
    name: str
    groups: tuple[str, ...]
    created_at: str
    expires_at: str | None


def _row(token: Token) -> TokenRow:
    return TokenRow(
        id=token.id,
        name=token.name,
        groups=token.groups,
        created_at=_instant(token.created_at),
        expires_at=None if token.expires_at is None else _instant(token.expires_at),
    )


def _instant(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _show(rows: list[TokenRow], output: Format) -> None:
    if output is not Format.TABLE:
        emit(rows, output)
        return
    headings = ("ID", "NAME", "GROUPS", "CREATED", "EXPIRES")
    show(
        table(
            headings,
            (
                (row.id, row.name, ", ".join(row.groups), row.created_at, row.expires_at or "never")
                for row in rows
            ),
        )
    )
