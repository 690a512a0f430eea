"""`serinus alerts`: what was told to whom, what still waits, and the letters that nobody took.

Asks the `Announcer` workflows; a dead letter is sent again by the same receiver, secrets read anew.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter
from temporalio.client import Client

from worker import delivered
from worker.cli.exits import CommandFailed
from worker.cli.options import Format, Namespace, Output
from worker.cli.output import emit, say, show, table
from worker.cli.session import with_temporal
from worker.cli.view import clock

What = Annotated[Literal["list", "retry"], Parameter(help="list, or retry one dead letter.")]
Ident = Annotated[str, Parameter(name="ID", help="The dead letter to retry; `all` for all.")]
EVERYWHERE = Annotated[
    bool, Parameter(name=("--all-namespaces", "-A"), negative=(), help="In every namespace.")
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Listed:
    """Which alerts are meant, and how to print them."""

    dead: Annotated[bool, Parameter(negative=(), help="Only what was given up.")] = False
    namespace: Namespace = "default"
    all_namespaces: EVERYWHERE = False
    output: Output = Format.TABLE


async def alerts(what: What = "list", ident: Ident = "", *, listed: Listed | None = None) -> int:
    """Show alerts of the newest rollouts, or send a dead letter again."""
    listed = listed or Listed()
    dead, output = listed.dead, listed.output
    place = None if listed.all_namespaces else listed.namespace
    if what == "retry":
        return await _retry(ident, place)

    async def ask(client: Client) -> list[delivered.Row]:
        return await delivered.rows(client, place, dead=dead)

    rows = await with_temporal(ask)
    if output is not Format.TABLE:
        emit(rows, output)
    elif not rows:
        say("no dead letters" if dead else "no alerts; see docs/alerts.md for whom to tell")
    elif dead:
        _show_letters(rows)
    else:
        _show_rows(rows)
    return 0


def _show_rows(rows: list[delivered.Row]) -> None:
    headings = ("TARGET", "BEGAN", "SENT", "WAITING", "DEAD")
    cells = (
        (
            row.told.slot.key,
            clock(row.started_at),
            str(row.told.sent),
            str(len(row.told.waiting)),
            str(len(row.told.dead)),
        )
        for row in rows
    )
    show(table(headings, cells))


def _show_letters(rows: list[delivered.Row]) -> None:
    headings = ("ID", "TARGET", "GIVEN UP", "RECEIVER", "WHAT", "WHY")
    cells = (
        (
            letter.id,
            row.told.slot.key,
            clock(letter.at),
            letter.receiver,
            letter.item.text,
            f"{letter.reason}: {letter.message}",
        )
        for row in rows
        for letter in row.told.dead
    )
    show(table(headings, cells))


async def _retry(ident: str, namespace: str | None) -> int:
    if not ident:
        raise CommandFailed("which one? `serinus alerts --dead` lists their IDs; `all` is all")

    async def ask(client: Client) -> int:
        return await delivered.retry(client, namespace, "" if ident == "all" else ident)

    number = await with_temporal(ask)
    say(f"{number} {'letter is' if number == 1 else 'letters are'} sent again")
    return 0
