"""`python -m tests.cluster.chaos [releases] [--seed N]`: play, print the table, fail if wrong."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.cluster.chaos.play import play


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.chaos", description=__doc__)
    parser.add_argument("releases", type=int, nargs="?", default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="keep logs and Temporal's file here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home: Path = given.home or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        report = asyncio.run(play(given.releases, given.seed, home, say))
    for line in report.lines():
        say(line)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
