"""A file that people edit while the gateway runs: read again when it has changed.

A broken edit does not change who may do what: what was read last holds on, and the log says why.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from workflows.errors import SerinusError

T = TypeVar("T")
log = logging.getLogger(__name__)
Mark = tuple[int, int, int] | None


class LiveFile(Generic[T]):
    """What `read` makes of a file; `read` gets None where there is no file. Blocking, briefly."""

    def __init__(self, path: Path, read: Callable[[bytes | None], T]) -> None:
        self._path = path
        self._read = read
        self._mark = _mark_of(path)
        self._value = read(_content_of(path))

    @property
    def path(self) -> Path:
        return self._path

    def value(self) -> T:
        """What the file says now, or said before it was broken."""
        mark = _mark_of(self._path)
        if mark != self._mark:
            self._mark = mark
            try:
                self._value = self._read(_content_of(self._path))
            except (SerinusError, OSError) as error:
                log.error("%s is ignored until it is put right: %s", self._path, error)
        return self._value


def _mark_of(path: Path) -> Mark:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _content_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
