"""How every benchmark says what it measured: Markdown tables, as `docs/benchmarks.md` has them."""

import os
import sys
from collections.abc import Sequence


def show(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print one table."""
    lines = [f"\n### {title}\n", _line(headings), _line(["---"] * len(headings))]
    say("\n".join((*lines, *(_line(row) for row in rows))))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Print what goes on meanwhile; not part of any table."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def judged(met: bool, goal: str) -> bool:
    """Print whether a goal is met; the same for the exit code."""
    say(f"\n{'met' if met else 'MISSED'}: {goal}")
    return met


def load() -> str:
    """How busy the machine was: others' work makes every number worse."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
