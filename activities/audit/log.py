"""The audit log on a disk: one file, appended to under a lock, on the disk when it is answered.

Blocking: `activities.audit.appending` calls it from a thread of its own. Several processes may
append to one file; each first reads what the others appended.
"""

import os
from collections import OrderedDict
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from activities.audit.chain import Line, Link, line_of, read_line
from workflows.model.audit import AuditEntry, AuditKind
from workflows.model.identity import Slot

LOCK_WITHIN = 10.0
"""Seconds to wait for another process's append; after them the activity is tried again."""
REMEMBERED = 100_000
"""Newest lines whose ids are known, so that none of them is written twice."""
FIRST_READ = 64 * 1024 * 1024
"""Bytes at the end of an old log that a new process reads for those ids."""
TORN_KEPT = 2_000
SERINUS = Slot(cluster="serinus", namespace="serinus", name="audit")
"""Whose lines about the log itself are."""


class AuditLog:
    """One log; at most one thread of a process may use it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._link = Link()
        self._read_to = 0
        self._inode = 0

    def append(self, entries: Sequence[AuditEntry]) -> int:
        """Write those that are not there yet, all of them or none; OSError says why not.

        Answers how many were new.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with lock_of(self.path).acquire(LOCK_WITHIN), self._opened() as descriptor:
            torn = self._catch_up(descriptor)
            fresh = [entry for entry in entries if entry.id not in self._ids]
            if fresh:
                self._write(descriptor, (*_about(torn, self._link, fresh[0]), *fresh), len(torn))
            return len(fresh)

    @contextmanager
    def _opened(self) -> Generator[int]:
        new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if new:
                _sync_folder(self.path.parent)
            yield descriptor
        finally:
            os.close(descriptor)

    def _catch_up(self, descriptor: int) -> bytes:
        """Read what was appended since the last time; answers a line that was never finished."""
        found = os.fstat(descriptor)
        if found.st_ino != self._inode or found.st_size < self._read_to:
            self._inode, self._link, self._read_to = found.st_ino, Link(), 0
            self._ids.clear()
        if self._read_to == 0 and found.st_size > FIRST_READ:
            self._read_to = _after_newline(descriptor, found.st_size - FIRST_READ)
        *lines, torn = os.pread(descriptor, found.st_size - self._read_to, self._read_to).split(
            b"\n"
        )
        for text in lines:
            self._read_to += len(text) + 1
            self._take(read_line(text))
        return torn

    def _take(self, line: Line | None) -> None:
        """A line that somebody spoilt is passed over here; `verify` says so."""
        if line is None:
            self._link = Link(self._link.seq + 1, self._link.hash)
            return
        self._link = line.link
        self._know(line.id)

    def _know(self, name: str) -> None:
        self._ids[name] = None
        while len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)

    def _write(self, descriptor: int, entries: Iterable[AuditEntry], torn: int) -> None:
        written, link, names = bytearray(), self._link, list[str]()
        for entry in entries:
            line, link = line_of(entry, link)
            written += line
            names.append(entry.id)
        try:
            _write_all(descriptor, written, self._read_to)
            if torn > len(written):
                os.ftruncate(descriptor, self._read_to + len(written))
            os.fsync(descriptor)
        except OSError:
            # What was written of it would be taken for a crash.
            with suppress(OSError):
                os.ftruncate(descriptor, self._read_to)
            raise
        self._link, self._read_to = link, self._read_to + len(written)
        for name in names:
            self._know(name)


def read_lines(path: Path) -> Generator[bytes]:
    """The lines of a log with their newlines, as it is now; FileNotFoundError if there is none."""
    left = _settled_size(path)
    with path.open("rb") as file:
        for line in file:
            if left <= 0:
                return
            yield line[:left]
            left -= len(line)


def lock_of(path: Path) -> FileLock:
    """Held by who appends."""
    return FileLock(path.with_name(f"{path.name}.lock"))


def _settled_size(path: Path) -> int:
    """Not in the middle of an append; a copy in a folder that is read-only has no writers."""
    if not path.exists() or not os.access(path.parent, os.W_OK):
        return path.stat().st_size
    with lock_of(path).acquire(LOCK_WITHIN):
        return path.stat().st_size


def _about(torn: bytes, link: Link, following: AuditEntry) -> Sequence[AuditEntry]:
    if not torn:
        return ()
    text = torn[:TORN_KEPT].decode(errors="backslashreplace")
    return (
        AuditEntry(
            id=f"torn/{link.seq + 1}",
            at=following.at,
            kind=AuditKind.TORN,
            slot=SERINUS,
            run_id="",
            payload={"bytes": len(torn), "text": text},
        ),
    )


def _write_all(descriptor: int, data: bytearray, offset: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, memoryview(data)[done:], offset + done)


def _after_newline(descriptor: int, offset: int) -> int:
    """The start of the first whole line behind an offset."""
    while part := os.pread(descriptor, 1 << 20, offset):
        at = part.find(b"\n")
        if at >= 0:
            return offset + at + 1
        offset += len(part)
    return offset


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
