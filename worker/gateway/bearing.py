"""Who sends a bearer token: `Authorization: Bearer serinus_…`.

A token that was right once is known by a digest for as long as its line stands in the file, so
that scrypt is paid once a token and not once a request.
"""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from starlette.requests import HTTPConnection

from worker.gateway import problems
from worker.gateway.access import Proven
from worker.gateway.limits import Limits
from worker.gateway.live_file import LiveFile
from worker.gateway.tokens import PREFIX, Token, read_tokens
from workflows.model.approval import Via

LONGEST = 512
KNOWN_AT_ONCE = 1_000


class BearerWay:
    """Tokens of one file; who fails often has to wait."""

    def __init__(self, path: Path, limits: Limits, now: Callable[[], float]) -> None:
        self._file = LiveFile(path, lambda content: read_tokens(content, path))
        self._limits = limits
        self._now = now
        self._known: dict[bytes, str] = {}

    async def proven(self, request: HTTPConnection) -> Proven | None:
        """`Problem` 401 for a token that is not known, no longer or not yet."""
        given = bearer(request)
        if given is None:
            return None
        token = await self.token(request, given)
        if token is None:
            self._limits.count_attempt(request)
            raise problems.unauthenticated("the bearer token is not known, or no longer")
        return Proven(
            name=token.name,
            groups=token.groups,
            via=Via.API,
            expires_at=token.expires_at or 0.0,
            bearer=True,
        )

    async def token(self, request: HTTPConnection, given: str) -> Token | None:
        """The line of a right token; `Problem` 429 for a new one if too many were wrong."""
        digest = sha256(given.encode()).digest()
        if digest not in self._known:
            self._limits.check_attempts(request)
        prefix, _, rest = given.partition("_")
        number, _, secret = rest.partition("_")
        if prefix != PREFIX or len(given) > LONGEST:
            return None
        token = next((each for each in self._file.value() if each.id == number), None)
        if token is None or (token.expires_at is not None and token.expires_at <= self._now()):
            return None
        if self._known.get(digest) == token.hash:
            return token
        if not await asyncio.to_thread(token.opens, secret):
            return None
        while len(self._known) >= KNOWN_AT_ONCE:
            self._known.pop(next(iter(self._known)))
        self._known[digest] = token.hash
        return token


def bearer(request: HTTPConnection) -> str | None:
    """The token that a request carries, if it carries one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
