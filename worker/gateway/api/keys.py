"""Answers by `Idempotency-Key`: the same request sent again gets the first answer again.

Kept in one SQLite file of the home, so that a key outlives a restart of the gateway. Temporal
knows the key too (as update id), so an answer that was lost on the way is not given twice even
where this file is not: within a run, an update id counts once. Used by `worker.gateway.api.calls`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from hashlib import sha256
from pathlib import Path
from weakref import WeakValueDictionary

from workflows.errors import SerinusError
from workflows.model.value import Record

KEPT_FOR = 24 * 3600.0
"""Seconds for which a key is known."""
BUSY = 5.0
_TABLE = """CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, digest TEXT NOT NULL, at REAL NOT NULL, answer TEXT)"""
_END = "\0"
LENGTH = 32


class KeyTaken(SerinusError):  # noqa: N818  the name says what is wrong
    """The key was used for another request."""


class KeysLost(SerinusError):  # noqa: N818
    """The file of the keys cannot be read or written."""


class Kept(Record):
    """An answer as it was given."""

    status: int
    headers: dict[str, str] = {}
    body: str = ""


class Keys:
    """The keys of one home; `now` gives seconds since 1970."""

    def __init__(self, file: Path, now: Callable[[], float]) -> None:
        self._file = file
        self._now = now
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def claimed(self, key: str, digest: str) -> AsyncGenerator[Kept | None]:
        """Hold a key for one request at a time; gives the answer that was kept, if there is one.

        KeyTaken if the key was used for a request with another digest.
        """
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield await asyncio.to_thread(self._claim, key, digest)

    async def keep(self, key: str, answer: Kept) -> None:
        """Keep the answer to a claimed key."""
        await asyncio.to_thread(self._keep, key, answer)

    def _claim(self, key: str, digest: str) -> Kept | None:
        with self._open() as database:
            now = self._now()
            database.execute("DELETE FROM keys WHERE at < ?", (now - KEPT_FOR,))
            database.execute(
                "INSERT OR IGNORE INTO keys (id, digest, at) VALUES (?, ?, ?)", (key, digest, now)
            )
            row: tuple[str, str | None] = database.execute(
                "SELECT digest, answer FROM keys WHERE id = ?", (key,)
            ).fetchone()
        known, answer = row
        if known != digest:
            raise KeyTaken("was used for another request; take a new key for a new one")
        return None if answer is None else Kept.model_validate_json(answer)

    def _keep(self, key: str, answer: Kept) -> None:
        with self._open() as database:
            database.execute(
                "UPDATE keys SET answer = ? WHERE id = ?", (answer.model_dump_json(), key)
            )

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        """One transaction on the file, which is made if it is not there."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._file, timeout=BUSY)) as database, database:
                database.execute(_TABLE)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise KeysLost(f"cannot keep idempotency keys in {self._file}: {error}") from error


def key_of(person: str, key: str) -> str:
    """The id of a key: two people may think of the same one. It is the trigger id in Temporal."""
    return f"api-{sha256(f'{person}{_END}{key}'.encode()).hexdigest()[:LENGTH]}"
