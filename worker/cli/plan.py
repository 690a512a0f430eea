"""`serinus plan`: what a manifest would do, step by step, before anything does it.

Reads files and compiles; it asks no server unless told to, so it also works in a pull request's
checks.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from worker.cli.options import Format, Output, Server
from worker.cli.output import complain, emit, show
from worker.cli.plan_table import drawn
from worker.cli.session import opened
from workflows.errors import ManifestError

STDIN = Path("-")
File = Annotated[
    Path,
    Parameter(help="Canaries, Processes and the manifests they refer to; - is standard input."),
]


async def plan(*files: File, output: Output = Format.TABLE, server: Server = "") -> int:
    """Show what a release would do: its steps, its length and its safeguards."""
    try:
        async with opened(server) as serinus:
            plans = await serinus.plan(tuple(_texts(files)))
    except (ManifestError, OSError, UnicodeDecodeError) as error:
        complain(str(error))
        return 1
    if output is Format.TABLE:
        for planned in plans:
            show(drawn(planned.name, planned.plan))
    else:
        emit(plans[0].plan if len(plans) == 1 else [each.plan for each in plans], output)
    return 0


def _texts(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for file in files:
        if file == STDIN:
            yield "<stdin>", sys.stdin.read()
        else:
            yield str(file), file.read_text(encoding="utf-8")
