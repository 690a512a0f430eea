"""`serinus apply`, `get` and `delete`: the manifests of the local platform."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from activities.manifests import dump
from worker.applying import Applied
from worker.cli.exits import CommandFailed
from worker.cli.follow import follow
from worker.cli.options import Asked, Format, Looking, Waiting
from worker.cli.output import emit, say, show, table
from worker.cli.session import Speaker, opened
from worker.cli.view import status_line
from workflows.model.identity import Slot
from workflows.model.manifest import KINDS, Manifest

STDIN = Path("-")
Files = Annotated[
    tuple[Path, ...],
    Parameter(
        name=("--file", "-f"),
        negative=(),
        help="Files or folders of manifests; - is standard input.",
    ),
]
Again = Annotated[
    bool, Parameter(negative=(), help="Trigger a rollout even of what did not change.")
]


async def apply(
    *,
    files: Files,
    again: Again = False,
    waiting: Waiting | None = None,
    asked: Asked | None = None,
) -> int:
    """Keep manifests, and roll out every target whose Canary or Process changed."""
    waiting, asked = waiting or Waiting(), asked or Asked()
    texts = [(source, text) for file in files for text, source in _texts(file)]
    async with opened(asked.server, asked.by) as serinus:
        statuses = await serinus.apply(
            texts,
            again=again,
            report=lambda applied: _report(applied, asked.output),
        )
        if not waiting.wait:
            for status in statuses:
                say(status_line(status))
            return 0
        return await _follow_all(serinus, (each.slot for each in statuses), waiting.within)


def _report(applied: Applied, output: Format) -> None:
    if output is not Format.TABLE:
        emit(applied, output)
        return
    for change in applied.changes:
        say(f"{change.kind} {change.key} {'applied' if change.changed else 'unchanged'}")


async def _follow_all(serinus: Speaker, slots: Iterable[Slot], within: float | None) -> int:
    """Follow each rollout; the worst ending is the exit code."""
    codes = [await follow(serinus, slot, within=within) for slot in slots]
    return max(codes, default=0)


async def get(
    kind: str | None = None,
    name: str | None = None,
    *,
    looking: Looking | None = None,
) -> int:
    """Show what is applied: all of it, one KIND, or one manifest of a KIND by NAME."""
    looking = looking or Looking()
    kinds = [kind_named(kind)] if kind else list(KINDS.values())
    async with opened(looking.server) as serinus:
        found: Sequence[Manifest] = await serinus.manifests(kinds, looking.namespace)
    if name is not None:
        found = [each for each in found if each.metadata.name == name]
        if not found:
            raise CommandFailed(f"there is no {kind} {looking.namespace}/{name}")
    match looking.output:
        case Format.YAML:
            say("---\n".join(map(dump, found)).rstrip())
        case Format.JSON:
            emit(found, looking.output)
        case Format.TABLE:
            show(table(("KIND", "NAME"), ((each.kind, each.key) for each in found)))
    return 0


async def delete(
    kind: str, name: str, *, waiting: Waiting | None = None, asked: Asked | None = None
) -> int:
    """Remove a manifest.

    A Canary's target serves on as it is; a Process without a Canary is stopped.
    """
    waiting, asked = waiting or Waiting(), asked or Asked()
    wanted = kind_named(kind)
    async with opened(asked.server, asked.by) as serinus:
        status = await serinus.delete(wanted, asked.namespace, name)
        if status is None:
            say(f"{wanted.__name__} {asked.namespace}/{name} deleted")
            return 0
        say(status_line(status))
        return await _follow_all(serinus, [status.slot], waiting.within) if waiting.wait else 0


def kind_named(word: str) -> type[Manifest]:
    """Read `Canary`, `canary` or `canaries`."""
    wanted = word.lower()
    for name, kind in KINDS.items():
        if wanted in {name.lower(), plural(name)}:
            return kind
    raise CommandFailed(f"no kind {word!r}; there are {', '.join(KINDS)}")


def plural(name: str) -> str:
    """The word as kubectl has it."""
    lower = name.lower()
    if lower.endswith("y"):
        return f"{lower[:-1]}ies"
    return f"{lower}es" if lower.endswith("s") else f"{lower}s"


def _texts(file: Path) -> Iterable[tuple[str, str]]:
    if file == STDIN:
        return [(sys.stdin.read(), "<stdin>")]
    try:
        found = sorted(file.glob("*.y*ml")) if file.is_dir() else [file]
        return [(each.read_text(encoding="utf-8"), str(each)) for each in found]
    except OSError as error:
        raise CommandFailed(f"cannot read {file}: {error.strerror}") from error
