"""A sign-in on its way to the provider and back, kept in the browser that began it.

The cookie is signed, for ten minutes, and named by the state: several tabs do not disturb each
other, and an answer that another browser asked for counts for nothing.
"""

from hashlib import sha256

from itsdangerous import BadSignature, Signer
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from worker.gateway import problems
from workflows.model.value import Value

LIFETIME = 600
PATH = "/sign-in"


class Pending(Value):
    """What must be known again when the person comes back. `at` is seconds since 1970."""

    state: str
    nonce: str
    verifier: str
    redirect: str
    back_to: str
    at: float


class PendingCookies:
    """Cookies under one key."""

    def __init__(self, key: bytes, *, secure: bool) -> None:
        self._signer = Signer(key, salt="serinus.pending", digest_method=sha256)
        self._secure = secure

    def keep(self, response: Response, pending: Pending) -> None:
        """Let the browser keep it."""
        value = self._signer.sign(pending.model_dump_json().encode().hex()).decode()
        response.set_cookie(
            _name(pending.state),
            value,
            max_age=LIFETIME,
            path=PATH,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def take(self, request: Request, state: str, now: float) -> Pending:
        """What was kept for this state; `Problem` 403 if this browser did not ask."""
        try:
            plain = self._signer.unsign(request.cookies.get(_name(state), "")).decode()
            found = Pending.model_validate_json(bytes.fromhex(plain))
        except (BadSignature, ValidationError, ValueError) as error:
            raise problems.forbidden("this sign-in was not begun here; begin again") from error
        if found.state != state or not 0 <= now - found.at <= LIFETIME:
            raise problems.forbidden("this sign-in took too long; begin again")
        return found

    def drop(self, response: Response, state: str) -> None:
        """It counts once."""
        response.delete_cookie(
            _name(state), path=PATH, secure=self._secure, httponly=True, samesite="lax"
        )


def _name(state: str) -> str:
    return f"serinus-pending-{sha256(state.encode()).hexdigest()[:12]}"
