"""Printing: tables for people, JSON and YAML for programs, one line for errors.

Colours are for terminals; rich itself keeps to NO_COLOR.
"""

import json
import sys
from collections.abc import Iterable, Sequence

from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.table import Table

from worker.cli.options import Format

PLAIN_WIDTH = 140
"""Columns of tables that go into a file or a pipe."""


def console() -> Console:
    """Standard output, as wide as the terminal."""
    terminal = sys.stdout.isatty()
    return Console(
        width=None if terminal else PLAIN_WIDTH, highlight=False, soft_wrap=False, emoji=False
    )


def say(text: str) -> None:
    """Print a line for people."""
    print(text, flush=True)  # noqa: T201


def complain(text: str) -> None:
    """Print a line to standard error."""
    print(f"serinus: {text}", file=sys.stderr, flush=True)  # noqa: T201


def show(shown: RenderableType) -> None:
    """Print something that rich draws."""
    console().print(shown)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Draw a plain table."""
    drawn = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        drawn.add_row(*row)
    return drawn


def emit(value: BaseModel | Sequence[BaseModel], output: Format) -> None:
    """Print a value, or a list of values, as JSON or YAML."""
    if isinstance(value, BaseModel):
        content: object = value.model_dump(mode="json", by_alias=True)
    else:
        content = [item.model_dump(mode="json", by_alias=True) for item in value]
    say(text_of(content, output).rstrip())


def text_of(content: object, output: Format) -> str:
    """Write plain data as JSON or YAML."""
    if output is Format.YAML:
        import yaml  # noqa: PLC0415  only those who ask for it pay for the import

        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return json.dumps(content, indent=2, ensure_ascii=False)
