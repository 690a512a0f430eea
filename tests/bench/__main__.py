"""`python -m tests.bench [NAME ...]` runs all benchmarks, or those named, and prints their tables.

It writes no file; exits 1 when a goal was missed. What they measured is in `docs/benchmarks.md`.
"""

import sys
from collections.abc import Callable
from importlib import import_module

from tests.bench.table import load, say

NAMES = (
    "guard_simulation",
    "load_rate",
    "history",
    "formula",
    "reaction",
    "cluster_reaction",
    "api_requests",
    "many",
    "pages",
)


def main(wanted: list[str]) -> int:
    unknown = set(wanted) - set(NAMES)
    if unknown:
        say(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
        return 2
    missed = [name for name in wanted or NAMES if not _run(name)]
    say(f"\nmissed: {', '.join(missed)}" if missed else "\nall goals met")
    return 1 if missed else 0


def _run(name: str) -> bool:
    say(f"\n## {name} ({load()})")
    measure: Callable[[], bool] = import_module(f"tests.bench.{name}").main
    return measure()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
