"""Static tokens for programs: kept as salted scrypt hashes, shown once when they are made.

Made and revoked by `serinus token`, known again by the gateway in an `Authorization: Bearer`
header. A token is `serinus_<id>_<secret>`: the id finds its line, the secret is hashed.
"""

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

from filelock import FileLock
from pydantic import Field, ValidationError

from worker.gateway.identity import ANONYMOUS
from worker.gateway.keys import write_private
from worker.settings import SettingsError
from workflows.errors import SerinusError
from workflows.model.approval import Who
from workflows.model.value import Value

PREFIX = "serinus"
ID_BYTES = 6
SECRET_BYTES = 32
COST, BLOCK, LANES = 2**14, 8, 1
"""Of scrypt; 16 MiB and about 50 ms a check. Secrets are random, so no guess is ever near."""


class TokenRefused(SerinusError):  # noqa: N818  the name says what is wrong
    """A token cannot be added or revoked."""


class Token(Value):
    """One line of the file. Instants are seconds since 1970."""

    id: str
    name: Who
    groups: tuple[Who, ...] = ()
    salt: str
    hash: str
    created_at: float
    expires_at: float | None = None

    def opens(self, secret: str) -> bool:
        """Whether this is the secret; takes the same time always."""
        made = _hashed(secret, base64.b64decode(self.salt))
        return hmac.compare_digest(made, base64.b64decode(self.hash))


class TokenList(Value):
    """The whole file."""

    tokens: tuple[Token, ...] = Field(default=())


class TokenFile:
    """The tokens of a gateway. Blocking."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def tokens(self) -> tuple[Token, ...]:
        """All of them."""
        return read_tokens(self.path.read_bytes() if self.path.exists() else None, self.path)

    def add(
        self, name: str, groups: tuple[str, ...], now: float, lifetime: float | None = None
    ) -> str:
        """Make a token; what it is, is known here only."""
        if name == ANONYMOUS:
            raise TokenRefused(f"{ANONYMOUS!r} is nobody; give another name")
        number, secret = secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        salt = secrets.token_bytes(16)
        made = Token(
            id=number,
            name=name,
            groups=groups,
            salt=base64.b64encode(salt).decode(),
            hash=base64.b64encode(_hashed(secret, salt)).decode(),
            created_at=now,
            expires_at=None if lifetime is None else now + lifetime,
        )
        with self._locked():
            self._write((*self.tokens(), made))
        return f"{PREFIX}_{number}_{secret}"

    def revoke(self, which: str) -> int:
        """Forget a token by its id, or all of a name; says how many."""
        with self._locked():
            every = self.tokens()
            kept = tuple(token for token in every if which not in (token.id, token.name))
            if len(kept) == len(every):
                raise TokenRefused(f"there is no token {which!r}; `serinus token list` shows all")
            self._write(kept)
        return len(every) - len(kept)

    def _locked(self) -> FileLock:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return FileLock(self.path.with_suffix(".lock"), mode=0o600)

    def _write(self, tokens: tuple[Token, ...]) -> None:
        text = TokenList(tokens=tokens).model_dump_json(indent=2)
        write_private(self.path, text.encode() + b"\n")


def read_tokens(content: bytes | None, path: Path) -> tuple[Token, ...]:
    """Read the file; without one there are none."""
    if content is None:
        return ()
    try:
        return TokenList.model_validate_json(content).tokens
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {place}: {first['msg']}") from error


def _hashed(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=COST, r=BLOCK, p=LANES, dklen=32)
