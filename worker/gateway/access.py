"""Who makes a request, proven in one of the ways that are open, and with which rights.

Asked by everything the gateway serves. A bearer token counts first, then a session's cookie, then
the headers of a trusted proxy, then `anonymous` if any binding names it.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from starlette.requests import HTTPConnection

from worker.gateway import problems
from worker.gateway.identity import ANONYMOUS, Binding, Person, bindings_of
from workflows.model.approval import Via

FORM_FIELD = "form_token"
"""The field of every form that carries its session's token."""
_CACHED = "serinus.proven"


@dataclass(frozen=True)
class Proven:
    """Who somebody is, and how that was shown; `bearer` proofs are sent on purpose."""

    name: str
    groups: tuple[str, ...] = ()
    via: Via = Via.PAGE
    expires_at: float = 0.0
    bearer: bool = False
    form_key: str = ""
    """What the token of this person's forms is made from; never shown."""
    bindings: tuple[Binding, ...] = ()
    """Rights that come with the proof itself, beside those of the roles file."""


class Way(Protocol):
    """One way to show who one is."""

    async def proven(self, request: HTTPConnection) -> Proven | None:
        """None if the request does not use this way; raises `Problem` if it does so wrongly."""
        ...


class Rights(Protocol):
    """The bindings that hold now."""

    def bindings(self) -> tuple[Binding, ...]: ...


class Access:
    """What a gateway knows of people."""

    def __init__(self, ways: Sequence[Way], rights: Rights, form_key: bytes) -> None:
        """`ways` count in their order; `form_key` makes the tokens of forms."""
        self._ways = tuple(ways)
        self._rights = rights
        self._form_key = form_key

    async def who(self, request: HTTPConnection) -> Person | None:
        """The person who asks; None means nobody known, who may see nothing."""
        proven = await self.proven(request)
        every = self._rights.bindings()
        if proven is None:
            return _anonymous(every)
        held = bindings_of(proven.name, proven.groups, every)
        return Person(
            name=proven.name,
            groups=proven.groups,
            bindings=(*proven.bindings, *held),
            via=proven.via,
            expires_at=proven.expires_at,
        )

    def known(self, name: str, groups: tuple[str, ...], via: Via) -> Person:
        """Somebody whom another part has proven: a chat that signs who said what."""
        held = bindings_of(name, groups, self._rights.bindings())
        return Person(name=name, groups=groups, bindings=held, via=via)

    async def proven(self, request: HTTPConnection) -> Proven | None:
        """How the person who asks was known; found out once a request."""
        state = request.scope.setdefault("state", {})
        if _CACHED not in state:
            state[_CACHED] = await self._ask_each(request)
        found: Proven | None = state[_CACHED]
        return found

    async def form_token(self, request: HTTPConnection) -> str:
        """What a form of this person's carries in the field `FORM_FIELD`."""
        proven = await self.proven(request)
        key = proven.form_key if proven is not None else ANONYMOUS
        return hmac.new(self._form_key, f"form:{key}".encode(), sha256).hexdigest()

    async def check_form(self, request: HTTPConnection, form: Mapping[str, object]) -> None:
        """`Problem` 403 unless the form was made for this person; bearer tokens need none."""
        proven = await self.proven(request)
        if proven is not None and proven.bearer:
            return
        given = form.get(FORM_FIELD)
        wanted = await self.form_token(request)
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), wanted.encode()):
            raise problems.forbidden("this form is not from your session; load the page again")

    async def _ask_each(self, request: HTTPConnection) -> Proven | None:
        for way in self._ways:
            found = await way.proven(request)
            if found is not None:
                return found
        return None


def known_as(request: HTTPConnection) -> str:
    """The name of the person of a request that has been asked about; empty if there is none."""
    proven: Proven | None = request.scope.get("state", {}).get(_CACHED)
    return "" if proven is None else proven.name


def _anonymous(every: tuple[Binding, ...]) -> Person | None:
    """Only bindings that say so hold for people nobody knows; `*` means all who are known."""
    held = tuple(binding for binding in every if ANONYMOUS in binding.people)
    return Person(name=ANONYMOUS, bindings=held) if held else None
