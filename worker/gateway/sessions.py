"""Sessions of browsers: a signed cookie holds a number, a file of the gateway's state the rest.

So a session survives a restart, counts at every gateway that shares the folder and the key, and
ends where it is ended: signing out removes the file. Blocking where it says so.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from itsdangerous import BadSignature, Signer
from pydantic import ValidationError

from worker.gateway.identity import Binding
from worker.gateway.keys import write_private
from worker.gateway.settings import SessionSettings
from workflows.model.value import Record

NUMBER_BYTES = 32
SWEEP_EVERY = 3_600.0
"""Seconds between two searches for sessions that are over."""
NOTED = 20
"""A session's use is written down this often in its idle time."""
_SALT = "serinus.session"
_NUMBER = re.compile(r"[A-Za-z0-9_-]{43}")


class Session(Record):
    """Somebody's sign-in in one browser. Instants are seconds since 1970."""

    name: str
    groups: tuple[str, ...] = ()
    bindings: tuple[Binding, ...] = ()
    how: str
    created_at: float


@dataclass(frozen=True)
class Found:
    """A session that is not over; `number` is its secret."""

    number: str
    session: Session
    ends_at: float


class Sessions:
    """The sessions of one folder, under one key."""

    def __init__(
        self, folder: Path, key: bytes, settings: SessionSettings, now: Callable[[], float]
    ) -> None:
        self._folder = folder
        self._signer = Signer(key, salt=_SALT, digest_method=sha256, key_derivation="hmac")
        self._settings = settings
        self._now = now
        self._swept_at = 0.0
        self.cookie_name = f"serinus-{sha256(key + _SALT.encode()).hexdigest()[:6]}"

    def begin(
        self, name: str, groups: tuple[str, ...], how: str, bindings: tuple[Binding, ...] = ()
    ) -> str:
        """Begin a session; returns the cookie. Blocking."""
        now = self._now()
        self._sweep(now)
        number = secrets.token_urlsafe(NUMBER_BYTES)
        session = Session(name=name, groups=groups, bindings=bindings, how=how, created_at=now)
        path = self._path(number)
        write_private(path, session.model_dump_json().encode())
        os.utime(path, (now, now))
        return self._signer.sign(number).decode()

    def find(self, cookie: str) -> Found | None:
        """The session of a cookie, if it is ours and not over; it is used by that. Blocking."""
        number = self._number(cookie)
        if number is None:
            return None
        path = self._path(number)
        read = _read(path)
        now = self._now()
        if read is None or self._ends_at(*read) <= now:
            return None
        session, seen_at = read
        if now - seen_at > self._settings.idle / NOTED:
            # Only the time of the file: that cannot bring back a session ended at this moment.
            with contextlib.suppress(FileNotFoundError):
                os.utime(path, (now, now))
            seen_at = now
        return Found(number, session, self._ends_at(session, seen_at))

    def end(self, cookie: str) -> None:
        """End a session, wherever its cookie is. Blocking."""
        number = self._number(cookie)
        if number is not None:
            self._path(number).unlink(missing_ok=True)

    def end_all_of(self, name: str) -> int:
        """End every session of somebody; says how many there were. Blocking."""
        ended = 0
        for path in self._folder.glob("*.json"):
            read = _read(path)
            if read is not None and read[0].name == name:
                path.unlink(missing_ok=True)
                ended += 1
        return ended

    def _ends_at(self, session: Session, seen_at: float) -> float:
        """When it is over unless it is used before."""
        idle = seen_at + self._settings.idle
        return min(idle, session.created_at + self._settings.absolute)

    def _number(self, cookie: str) -> str | None:
        try:
            number = self._signer.unsign(cookie).decode()
        except (BadSignature, UnicodeDecodeError):
            return None
        return number if _NUMBER.fullmatch(number) else None

    def _path(self, number: str) -> Path:
        # The folder does not hold what a thief of it could sign in with.
        return self._folder / f"{sha256(number.encode()).hexdigest()}.json"

    def _sweep(self, now: float) -> None:
        if now - self._swept_at < SWEEP_EVERY:
            return
        self._swept_at = now
        for path in self._folder.glob("*.json"):
            read = _read(path)
            if read is None or self._ends_at(*read) <= now:
                path.unlink(missing_ok=True)


def _read(path: Path) -> tuple[Session, float] | None:
    """A session and when it was last used; None if it is not there, or none that we understand."""
    try:
        return Session.model_validate_json(path.read_bytes()), path.stat().st_mtime
    except (FileNotFoundError, ValidationError):
        return None
