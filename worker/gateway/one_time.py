"""One-time links: whoever runs the gateway on this machine signs in with one from the terminal.

`serinus login` and `serinus up` write a file with the digest of a token, whoever opens the link
removes it: the removal is what makes it count once. The token is in no process list and in no
file.
"""

import secrets
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from worker.gateway.identity import Binding, Role
from worker.gateway.keys import write_private
from workflows.model.approval import Who
from workflows.model.value import Record

LIFETIME = 600.0
"""Seconds for which a link is good."""
TOKEN_BYTES = 32
LONGEST = 100
PATH = "/sign-in/once/"
ADMIN = Binding(role=Role.ADMIN, people=("*",))


class Link(Record):
    """Who signs in by it. Instants are seconds since 1970."""

    name: Who
    created_at: float


class Links:
    """The links of one gateway's state. Blocking."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, name: str, now: float) -> str:
        """Make a link; returns the end of its path."""
        self._sweep(now)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        link = Link(name=name, created_at=now)
        write_private(self._path(token), link.model_dump_json().encode())
        return PATH + token

    def is_good(self, token: str, now: float) -> bool:
        """Whether it can be used; does not use it up."""
        return _good(_read(self._path(token)), now)

    def use(self, token: str, now: float) -> Link | None:
        """Who signs in by it; None from the second time on."""
        path = self._path(token)
        link = _read(path)
        try:
            path.unlink()
        except FileNotFoundError:
            return None
        return link if _good(link, now) else None

    def _path(self, token: str) -> Path:
        return self._folder / f"{sha256(token.encode()).hexdigest()}.json"

    def _sweep(self, now: float) -> None:
        for path in self._folder.glob("*.json"):
            if not _good(_read(path), now):
                path.unlink(missing_ok=True)


def _good(link: Link | None, now: float) -> bool:
    return link is not None and 0 <= now - link.created_at <= LIFETIME


def _read(path: Path) -> Link | None:
    try:
        return Link.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
